"""What must be known of a CEL expression before it may be evaluated."""
