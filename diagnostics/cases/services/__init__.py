"""Operations on cases: admission, AI retries, priorities, RT-PCR results, blinding, control copies."""
