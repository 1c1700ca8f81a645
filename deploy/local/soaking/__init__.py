"""`make soak`: a fixed rate of changes for a long time; memory, handles and lag must not climb."""
