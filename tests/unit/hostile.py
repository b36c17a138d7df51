"""Output that tries to take over a terminal, to lie in a log or to hold up who reads it; each a line.

``HOSTILE`` is text, as it is once decoded; ``HOSTILE_BYTES`` is what a child writes, invalid UTF-8 among it.
None has a line end.
"""

from __future__ import annotations

ESC, CSI, OSC, ST, BEL = "\x1b", "\x1b[", "\x1b]", "\x1b\\", "\x07"

HOSTILE: dict[str, str] = {
    # titles, palettes, the clipboard, notifications
    "title": f"{OSC}0;owned{BEL}",
    "title with ST": f"{OSC}2;owned{ST}",
    "title, 8 bits": "\x9d0;owned\x9c",
    "title pushed and popped": f"{CSI}22;0t{CSI}23;0t",
    "title reported as typed": f"{OSC}0;rm -rf /{BEL}{CSI}21t",
    "working directory": f"{OSC}7;file://host/tmp{ST}",
    "clipboard written": f"{OSC}52;c;cm0gLXJmIC8K{BEL}",
    "clipboard read": f"{OSC}52;c;?{ST}",
    "palette": f"{OSC}4;0;#ffffff{ST}{OSC}10;#000000{ST}{OSC}11;?{ST}{OSC}104{ST}",
    "notification": f"{OSC}9;4;1;50{ST}{OSC}777;notify;a;b{ST}{OSC}99;;hello{ST}",
    "prompt marks": f"{OSC}133;A{ST}{OSC}133;C{ST}{OSC}633;E;ls{ST}",
    "iTerm2 file": f"{OSC}1337;File=name=YQ==;inline=1:AAAA{BEL}",
    "title never ended": f"{OSC}0;" + "a" * 500,
    # links
    "link that runs a script": f"{OSC}8;;javascript:alert(1){ST}click{OSC}8;;{ST}",
    "link to a file": f"{OSC}8;;file:///etc/passwd{ST}click{OSC}8;;{ST}",
    "link with a control": f"{OSC}8;;http://a/\x08\x1b[2J{ST}click{OSC}8;;{ST}",
    "link with a title in it": f"{OSC}8;;http://a{OSC}0;owned{BEL}{ST}click",
    "link never ended": f"{OSC}8;;http://example.com/",
    "link far too long": f"{OSC}8;;http://a/" + "a" * 5000 + f"{ST}click{OSC}8;;{ST}",
    "link in letters of others": f"{OSC}8;;http://ex\u0430mple.com/{ST}click{OSC}8;;{ST}",
    # the screen, the cursor, modes
    "screen cleared": f"{CSI}2J{CSI}3J{CSI}H",
    "cursor moved": f"{CSI}10;10Hx{CSI}5Ay{CSI}3Bz{CSI}2Cx{CSI}9Dx{CSI}4Gx{CSI}3dx{ESC}7{ESC}8{CSI}s{CSI}u",
    "lines moved": f"{CSI}5L{CSI}5M{CSI}3S{CSI}3T{ESC}D{ESC}M{ESC}E{CSI}2;5r",
    "characters moved": f"{CSI}5@{CSI}5P{CSI}5X{CSI}999b",
    "alternate screen": f"{CSI}?1049h{CSI}?47h",
    "mouse and paste": f"{CSI}?1000h{CSI}?1003h{CSI}?1006h{CSI}?2004h{CSI}?1004h",
    "cursor hidden": f"{CSI}?25l",
    "insert and no wrap": f"{CSI}4h{CSI}?7l{CSI}?6h{CSI}20h",
    "keyboard": f"{CSI}>1u{CSI}>4;2m{CSI}?1h{ESC}=",
    "reset": f"{ESC}c{CSI}!p",
    "alignment test": f"{ESC}#8{ESC}#3",
    "charset": f"\x0e{ESC}(0lqk{ESC})0{ESC}%G{ESC}n{ESC}o{ESC}N{ESC}O\x0f",
    "tab stops": f"{ESC}H{CSI}3g{CSI}0g",
    "line feeds of other kinds": "a\x0bb\x0cc\x85d\u2028e\u2029f",
    # questions that a terminal answers as if typed
    "questions": f"{CSI}6n{CSI}5n{CSI}c{CSI}>c{CSI}=c{CSI}>q{CSI}?6n{CSI}14t{CSI}18t\x05{ESC}Z",
    "mode asked": f"{CSI}?2026$p{CSI}?u",
    # strings
    "DCS": f"{ESC}P+q544e{ST}{ESC}P1$r0m{ST}{ESC}Pq#0;2;0;0;0{ST}",
    "APC": f"{ESC}_Gf=24,s=1,v=1;AAAA{ST}",
    "PM and SOS": f"{ESC}^private{ST}{ESC}Xstart{ST}",
    "strings, 8 bits": "\x90q\x9c\x9fG\x9c\x9ep\x9c\x98s\x9c",
    "DCS never ended": f"{ESC}P" + "b" * 300,
    "tmux passed through": f"{ESC}Ptmux;{ESC}{ESC}]52;c;YQ=={BEL}{ST}",
    # sequences within sequences
    "escape in two": f"{ESC}{CSI}0m[2J",
    "escape in two, 8 bits": f"{ESC}\x9b0m]0;owned{BEL}",
    "escape left by erasing": f"{ESC}x\b[2J",
    "escape left by overwriting": f"x[2J\r{ESC}",
    "control within CSI": f"{CSI}3\b1m{CSI}3{ESC}[1m{CSI}\x18{CSI}1\x1a",
    "lone escape at the end": f"text{ESC}",
    "half a CSI at the end": f"text{CSI}38;2;1",
    # colours that are none
    "malformed SGR": f"{CSI}38m{CSI}38;5m{CSI}38;5;999mx{CSI}38;2;1;2m{CSI}38;9m{CSI}:::m{CSI};;m{CSI}4:9:9m",
    "enormous SGR": CSI + "1;" * 4000 + "m",
    "enormous number": CSI + "9" * 250 + "m" + CSI + "9" * 5000 + "m",
    "private SGR": f"{CSI}?31m{CSI}>31m{CSI}31 m{CSI}31!m",
    "concealed": f"{CSI}8mpassword{CSI}28m",
    "black on black": f"{CSI}30;40mpassword",
    "never reset": f"{CSI}1;2;3;4;5;7;9;41;97mloud",
    "ten thousand colours": "".join(f"{CSI}38;5;{n % 256}mx" for n in range(10_000)),
    # reading order and what cannot be written
    "bidirectional overrides": "user\u202egnp.exe\u202c \u2066a\u2069\u2067b\u2068c\u202ad\u202be\u202df",
    "bidirectional marks": "a\u200eb\u200fc\u061cd",
    "lone surrogates": "a\ud800b\udfffc\ud83d \ude00",
    "every C0": "".join(map(chr, range(0x20))).replace("\n", ""),
    "every C1": "\x7f" + "".join(map(chr, range(0x80, 0xA0))),
    "nothing to see": "a\u200bb\u2060c\ufeffd\u00ade\u034ff\u3164g",
    "not characters": "\ufffe\uffff\U0010ffff\ue000\U000f0000",
    "tags": "a" + "".join(chr(0xE0000 + ord(letter)) for letter in "hidden"),
    # widths
    "combining without a base": "\u0301\u0301\rx\u0301\b\u0301",
    "a tower of combining characters": "a" + "\u0301" * 3000,
    "wide characters in half": "漢字\b\bx\r漢\b\x1b[K\ry",
    "emoji": "👩\u200d👩\u200d👧\u200d👦\r🏳\ufe0f\u200d🌈\r🇩🇪🇫\r👍🏽\u200d\u200d\u200d",
    "joiners": "\u200d" * 500,
    # a line in the clothes of another
    "another line below the carriage return": 'GET /secret HTTP/1.1" 500\rINFO: all is well            ',
    "markup": "[bold red]x[/] [@click=app.quit]y[/] [link=file:///etc/passwd]z[/link] \\[",
    # work
    "carriage returns": "a\r" * 5000,
    "backspaces": "ab\b" * 5000,
    "erasing": ("x" * 50 + f"{CSI}1K{CSI}2Ky\t") * 300,
    "tabs": "\t" * 2000,
    "escapes": ESC * 5000,
    "beginnings of links": f"{OSC}8;;http://" * 1000,
    "long": "x" * 100_000,
}

HOSTILE_BYTES: dict[str, bytes] = {
    **{name: text.encode("utf-8", "surrogatepass") for name, text in HOSTILE.items()},
    "raw 8-bit CSI": b"\x9b31mred\x9b2J",
    "raw 8-bit OSC": b"\x9d0;owned\x9c",
    "not UTF-8": b"caf\xe9 \xff\xfe \xc0\xaf \xf5\x80\x80\x80",
    "UTF-8 cut short": b"ok \xe6\xbc",
    "escape encoded too long": b"\xc1\x9b[2J \xe0\x80\x9b[2J",
    "every byte": bytes(byte for byte in range(256) if byte != 0x0A),
}
