"""The leads as they stand: everything said about them is kept, folded and published."""
