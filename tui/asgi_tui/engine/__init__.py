"""Runs things: processes, sockets, files. asyncio, no Textual."""
