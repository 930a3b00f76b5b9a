"""The store: tables, sessions and the few queries over them. Synchronous and short; callers bring
the threads.
"""
