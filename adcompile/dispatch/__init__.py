"""From a call to the program for it: arguments are checked, guards choose, caches remember."""
