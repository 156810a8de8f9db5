"""From the IR to source text: folding into expressions, names, statements, comments, printing."""
