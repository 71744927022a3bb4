"""Pickles as Python 2 wrote CIFAR's: protocol 2, byte strings, numpy arrays."""

import struct


def string(content):
    return b"T" + struct.pack("<I", len(content)) + content


def number(value):
    return b"J" + struct.pack("<i", value)


def array(rows, by_column):
    """Opcodes of a uint8 array of two axes."""
    kind = b"cnumpy\ndtype\n" + string(b"u1") + number(0) + number(1) + b"\x87R"
    kind += b"(" + number(3) + string(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    empty += number(0) + b"\x85" + string(b"b") + b"\x87R"
    shape = number(rows.shape[0]) + number(rows.shape[1]) + b"\x86"
    return (
        empty
        + b"("
        + number(1)
        + shape
        + kind
        + (
            (b"\x88" + string(rows.tobytes("F")) if by_column else b"\x89" + string(rows.tobytes()))
            + b"tb"
        )
    )


def batch(rows, labels, label_key, by_column=False):
    """A file of images and labels."""
    listed = b"](" + b"".join(map(number, labels)) + b"e"
    items = string(b"data") + array(rows, by_column) + string(label_key) + listed
    items += string(b"batch_label") + string(b"training batch 1 of 1")
    return b"\x80\x02}(" + items + b"u."
