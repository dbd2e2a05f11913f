"""The web pages of a performance: one for the audience, one for the speaker. Starlette and uvicorn are loaded
with `app` and `server`, and only when a page is asked for."""
