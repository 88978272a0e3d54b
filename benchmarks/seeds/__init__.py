"""The five student systems that Readroom grew from, each reproduced as nearly as the data allows."""
