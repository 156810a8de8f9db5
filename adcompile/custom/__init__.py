"""Functions with derivative rules of their own: what users declare, before anything is compiled."""
