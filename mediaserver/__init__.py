"""The application: command line, processes, the call model, the link, and what observes them."""
