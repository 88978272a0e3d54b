"""Operations on training runs and the schedule."""
