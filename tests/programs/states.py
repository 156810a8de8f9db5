"""Variables that hold one of several texts: which one is known only at run time."""

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, 1.3, -0.4, 0.9])


@program(V)
def state_from_trip_to_trip(x):
    mode = "up"
    s = 0.0
    for v in x:
        if mode == "up":
            s = s + v * v
        else:
            s = s - v * 3
        mode = "down" if v < 0 else "up"
    return s


@program(V)
def state_of_a_while_loop(x):
    mode, v, n = "grow", x[0], 0
    while mode != "done" and n < 20:
        if mode == "grow":
            v = v * 1.5
            if v > 3:
                mode = "shrink"
        elif mode == "shrink":
            v = v * 0.8
            if v < 1.5:
                mode = "done"
        n += 1
    return v * x[1] if mode in ("done", "never") else x[2]


@program(V)
def state_that_may_be_none(x):
    mode, s = None, 0.0
    for v in x:
        if mode is None:
            mode = "first"
        elif mode == "first" and v < 0:
            mode = "negative"
        elif mode != "negative":
            s = s + v**2
        if mode is not None:
            s = s + v * x[0]
    return s


@program(V)
def states_that_are_copied_and_compared(x):
    last, mode = "a", "b"
    s = x[0]
    for v in x:
        if last != mode:
            s = s * v
        last, mode = mode, ("a" if v > 0.8 else last)
    return s


@program(V)
def state_as_a_key(x):
    weights = {"low": x[0], "high": x[1] ** 2}
    mode, s = "low", 0.0
    for v in x:
        s = s + weights[mode] * v**2
        mode = "high" if v > 0.5 else "low"
    return s


@program(V)
def state_that_is_matched(x):
    state = "start"
    s = 0.0
    for v in x:
        match state:
            case "start":
                state = "up" if v > 0 else "down"
            case "up" | "flat" if v > 1:
                state = "down"
                s += v**2
            case "down":
                s += v**3
                state = "up"
            case _:
                s += v
    return s


@program(V)
def state_on_one_path(x):
    state = final = "plain"
    if x[0] > 0.5:
        state = "squared"
    return x[1] ** 2 if state == "squared" and final == "plain" else x[1]


@program(V)
def texts_known_when_compiling(x):
    kind, s = "square", x[0]
    for _ in range(3):
        s = _step(s, kind)
        kind = "triple"
    return s


def _step(s, kind):
    return s * s if kind == "square" else 3 * s


X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])


@program(X)
def texts_as_keys_of_a_dict_that_grows(x):
    totals = {}
    for v in x:
        k = "pos" if v > 0 else "neg"
        totals[k] = totals.get(k, 0.0) + v**2
    return totals["pos"] * totals["neg"] * len(totals)


@program(X)
@program(-X)
def text_that_chooses_a_function(x):
    k = "sine" if x[0] > 0 else "cosine"
    return {"sine": np.sin, "cosine": np.cos}[k](x[1]) * {"sine": x[2], "cosine": x[3]}[k]


@program(X)
def texts_that_grow(x):
    signs, t = "", "a"
    for v in x:
        signs += "p" if v > 0 else "n"
    i = 0
    while t != "aaaa":
        t += "a"
        i += 1
    return x[i] * len(signs) + x[signs.index("n")] ** 2 * signs.count("p") + x[4] * ("pp" in signs)


@program(X)
def lists_of_texts(x):
    state = "idle"
    log = []
    for v in x:
        log.append(state)
        if state == "idle" and v > 0:
            state = "run"
        elif state == "run" and v < 0:
            state = "stop"
        elif state == "stop":
            state = "idle"
    return sum(v * v for v, s in zip(x, log) if s != "idle") * log.count("idle") + x[log.index("stop")]


@program(X)
def texts_in_tuples_of_a_list(x):
    rows = [("hot" if v > 0.5 else "cold", v) for v in x]
    rows.append(("hot", x[0]))
    return sum(v * v for k, v in rows if k == "hot")


@program(X)
def texts_that_a_helper_returns(x):
    counts = {}
    for v in x:
        name = _size(v)
        counts[name] = counts.get(name, 0) + 1
    return x[0] * counts["big"] + x[1] * counts["negative"] + x[2] * len(counts)


def _size(v):
    if v > 1:
        return "big"
    return "small" if v > 0 else "negative"


@program(X)
def text_of_the_largest(x):
    best, name = -1e9, None
    for k, v in {"a": x[0], "bb": x[1], "ccc": x[2]}.items():
        if v > best:
            best, name = v, k
    return best * len(name) + {"a": 1.0, "bb": 2.0, "ccc": 3.0}[name] * x[0]


@program(X)
def text_rewritten_and_read_letter_by_letter(x):
    rule = "F"
    for _ in range(2):
        rule = rule.replace("F", "F+F-")
    angle, s = x[0], 0.0
    for letter in rule:
        if letter == "F":
            s += np.sin(angle)
        elif letter == "+":
            angle += x[1]
        else:
            angle -= x[2]
    return s


@program(X)
def letters_of_a_text_at_run_time(x):
    s = 0.0
    for i in range(5):
        op = "+-*"[i % 3]
        if op == "+":
            s += x[i]
        elif op == "-":
            s -= x[i] ** 2
        else:
            s *= x[i]
    return s


@program(X)
def text_that_says_what_was_found(x):
    found = None
    for v in x:
        if v < -0.5:
            found = "negative"
            break
    if found is None:
        return x[0]
    return x[1] ** 2 if found == "negative" else x[2]


@program(X)
def texts_of_flags(x):
    names = ["p" if f else "n" for f in [v > 0 for v in x]]
    word = "".join(names)
    return x[word.find("n")] * x[names.index("p")] + x[2] * word[1:3].startswith("n")


@program(X)
def text_used_to_look_up_a_method(x):
    name, s = "sin", 0.0
    for v in x[:3]:
        s += getattr(np, name)(v)
        name = "cos" if name == "sin" else "sin"
    return s


@program(X)
def bools_that_are_the_same(x):
    s = 0.0
    for i, v in enumerate(x):
        late = i > 2
        match (i % 2, late):
            case (0, True):
                s += v**2
            case (1, False):
                s += v
        if late is False:
            s *= 1.5
    return s
