"""Encodes pieces as token ids. Text between two control tokens is encoded as a whole, as tether encodes prompts."""


def encode(pieces, tokenizer):
    """pieces: (text or one-element tuple with a control token, learn) -> (ids, learn for each of them)"""
    ids, learn, text, learns = [], [], "", False

    def flush():
        nonlocal text
        if text:
            more = tokenizer.encode(text, add_special_tokens=False).ids
            ids.extend(more)
            learn.extend([learns] * len(more))
        text = ""

    for piece, wanted in pieces:
        if isinstance(piece, tuple):
            flush()
            ids.append(tokenizer.token_to_id(piece[0]))
            learn.append(wanted)
        else:
            if text and wanted != learns:
                flush()
            text += piece
            learns = wanted
    flush()
    return ids, learn
