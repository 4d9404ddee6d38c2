"""The lines of all runs as tables in Markdown: minimum / median / maximum."""
from statistics import median


def tables(lines, machine):
    parts = {}
    for line in lines:
        parts.setdefault(line["part"], []).append(line)
    text = [f"Measured on {machine}; minimum / median / maximum."]
    for part, (title, key, columns) in LAYOUT.items():
        if part not in parts:
            continue
        text += ["", f"**{title}**", "", "| " + " | ".join([key[0], *[name for name, _ in columns]]) + " |"]
        text.append("|" + "---|" * (len(columns) + 1))
        groups = {}
        for line in parts[part]:
            groups.setdefault(key[1](line), []).append(line)
        for group, of in groups.items():
            text.append("| " + " | ".join([str(group), *[cell(of, value) for _, value in columns]]) + " |")
    return "\n".join(text)


def cell(lines, value):
    values = [found for found in map(value, lines) if found is not None]
    if not values:
        return ""
    if isinstance(values[0], str):
        return ", ".join(sorted(set(values)))
    low, middle, high = min(values), median(values), max(values)
    return number(low) if low == high else f"{number(low)} / {number(middle)} / {number(high)}"


def number(value):
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def of(*path):
    """A value inside a line, by the names on the way to it."""
    def value(line):
        for name in path:
            if line is None or name not in line:
                return None
            line = line[name]
        return line
    return value


def share_clean(line):
    return "yes" if line["clean"] else "no"


def void(line):
    return "void" if line.get("void") else "good"


def complete(line):
    return "all" if line["records"] == line["calls"] else f"{line['calls'] - line['records']} missing"


def files(line):
    if "files" not in line:
        return None
    return "all" if line["files"] == line["ok"] else f"{line['files']} of {line['ok']}"


def refused(line):
    return sum(count for code, count in line["codes"].items() if code != "200")


SETUPS = [("clean", share_clean), ("processor ms a set-up", of("cpu_ms_per_call")), ("failed", of("failed")),
          ("retransmitted %", of("retx_pct")), ("memory MB", of("rss_mb", "peak"))]
SOUND = [("processor ms a call-second", of("media", "cpu_ms_per_call_s")),
         ("with encoding", of("cpu_ms_per_call_s_encoded")),
         ("lost %", of("media", "loss_pct")), ("crosstalk", of("media", "crosstalk")),
         ("delay ms p50", of("media", "latency_ms", "p50")), ("p99", of("media", "latency_ms", "p99")),
         ("kB a call", of("kb_per_call")), ("files", files), ("records", complete),
         ("generator late ms p99", of("media", "gen_late_ms", "p99")), ("runs", void)]
DELAY = [("ms p50", of("setup_ms", "p50")), ("p99", of("setup_ms", "p99")), ("max", of("setup_ms", "max")),
         ("failed", of("failed"))]

# What each part is called, what its rows are told apart by, and its columns.
LAYOUT = {
    "setups": ("Set-ups, sipp, calls up for a second", ("a second", of("rate")), [*SETUPS, ("records", complete)]),
    "setups pushed": ("The same, every event pushed", ("a second", of("rate")),
                      [*SETUPS, ("pushes", of("pushes")), ("push ms p50", of("push_ms", "p50")),
                       ("p99", of("push_ms", "p99"))]),
    "search": ("Highest clean rate of set-ups", ("", lambda line: "through the server"),
               [("a second", of("highest_clean")), ("not clean", of("lowest_unclean"))]),
    "search floor": ("The same without a server", ("", lambda line: "both sipps alone"),
                     [("a second", of("highest_clean")), ("not clean", of("lowest_unclean"))]),
    "delay": ("From INVITE to 200, through the server", ("calls a second", of("rate")), DELAY),
    "delay floor": ("The same without a server", ("calls a second", of("rate")), DELAY),
    "sound": ("Bridged calls with sound", ("user, calls", lambda line: f"{line['user']}, {line['calls']}"), SOUND),
    "sound floor": ("The generator alone", ("calls", of("calls")),
                    [("lost %", of("media", "loss_pct")), ("delay ms p50", of("media", "latency_ms", "p50")),
                     ("p99", of("media", "latency_ms", "p99")), ("late ms p99", of("media", "gen_late_ms", "p99"))]),
    "requests": ("Signed requests, each durable before its answer", ("", of("do")),
                 [("a second", of("per_s")), ("ms p50", of("answer_ms", "p50")), ("p99", of("answer_ms", "p99")),
                  ("processor ms each", of("cpu_ms_per_request")), ("refused", refused),
                  ("ms to the INVITE p50", of("invite_ms", "p50")), ("p99", of("invite_ms", "p99"))]),
    "pushes": ("From an event to its push", ("events a second", of("rate")),
               [("ms p50", of("push_ms", "p50")), ("p99", of("push_ms", "p99")), ("max", of("push_ms", "max")),
                ("pushes", of("pushes")), ("given up", of("dead"))]),
}
