"""What a plan takes for granted, held against history at every lock."""
