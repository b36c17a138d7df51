async def app(s, r, w):
    pass
