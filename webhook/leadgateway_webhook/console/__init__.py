"""The console: a website for people and an API for programs, on a port of its own that no lead source reaches.

A request travels through the modules in this order: `protection` (security headers, no requests from other sites),
`app` (which path is what, and how errors look), `access` (who asks, and what they may), `pages` (HTML) or `api` (JSON).
`sessions` signs who somebody is into a cookie, `rendering` fills templates, `process` puts it together, `command` is
the command line. What pages and API show comes from `leadgateway.store` alone.
"""
