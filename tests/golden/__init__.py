"""Functions, and beside them the text that their gradients are emitted as: read it as if somebody had to sign it.

`expected/<name>.py` is compared with what the compiler emits, and is executed. After a deliberate change of the
emitted text write the files again, and read the differences:

    ADCOMPILE_UPDATE_GOLDEN=1 python -m pytest tests/test_emit.py -k golden
"""
