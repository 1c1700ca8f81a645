"""Who may come in: people by session cookie, programs by key."""
