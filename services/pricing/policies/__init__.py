"""Price policy as versioned data: which prices need whose agreement, and how much may be sold below the floor."""
