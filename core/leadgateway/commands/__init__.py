"""The commands of core: a thin edge that reads options, calls what does the work, and prints what came of it."""
