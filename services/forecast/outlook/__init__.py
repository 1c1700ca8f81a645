"""What a period will bring: the projection of what was asked, and how right such projections were."""
