"""What the projection and simpler methods said at every lock, and how right that was once the period was closed."""
