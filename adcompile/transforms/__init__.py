"""The transformations that make derivatives: forward, reverse, storage for the reverse sweep, in-place updates."""
