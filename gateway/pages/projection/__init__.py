"""What a period will come to, how sure that is, how right it was, and what if."""
