"""The webhook: takes leads over HTTP, checks who sends them, stores them durably and answers at once.

A post travels through the modules in this order: `protocol` (bytes to HTTP, bounded), `app` (which paths are posts),
`intake` (the order of the checks), `head`, `rate_limit`, `body`, `admission` (secret, JSON, what is kept), `writer`
(batches that share a commit), `answers`. `process` puts them together, `command` is its command line.
"""
