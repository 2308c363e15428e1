"""How a process tells what it does: structured logs, metrics and the status port."""
