# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts our rules into ufw's: into its files, and into the chain that it has loaded, without `ufw reload`.

ufw keeps a rule as a tuple in a comment line, which is what `ufw status` shows, and the rule of iptables-restore below
it. Here a rule is its tuple, such as "allow tcp 8001 10.0.0.1 any 10.9.0.0/24 in", with a comment that begins with
OWNER. The way back runs this file by itself, with a Python that may be as old as 3.6.

The record says which rules are ours even where ufw lost their comments, as it does when somebody allows one again.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
import typing as t

OWNER = "gatehouse.kong "
RULES, END = "### RULES ###\n", "\n### END RULES ###\n"
TUPLE = "\n### tuple ### "

Request = t.Dict[str, t.Any]

_ANYWHERE = {"0.0.0.0/0", "::/0"}
_VERDICTS = {"allow": "ACCEPT", "deny": "DROP"}
# A line of iptables-save; a comment in quotes may have line breaks.
_LINE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)
_COUNTERS = re.compile(r"^\[\d+:\d+\] ", re.MULTILINE)
# In ufw's file the port comes before the source, in what is loaded after it.
_REFUSES_ONE_SOURCE = re.compile(r"(?!.*--dport)(?=.*-s \S).*-j (DROP|REJECT)\b", re.DOTALL)
_ONLY_LOGS = re.compile(r"-A \S+ -s (?!.*--dport).*-j ufw6?-user-logging-input")


class Ours(t.NamedTuple):
    """What is ours of one family: the rules that are wanted (tuple and comment of each), the tuples that may be there of
    us, and those that its owner had before us, with their text in ufw's file.
    """

    rules: t.Sequence[t.Sequence[str]]
    known: t.Set[str]
    adopted: t.Dict[str, str]

    @property
    def tuples(self) -> t.List[str]:
        """The tuples of the rules that are wanted."""
        return [rule[0] for rule in self.rules]

    @property
    def returned(self) -> t.Dict[str, str]:
        """What goes back to its owner, as we have no use for it any more."""
        return {rule: text for rule, text in self.adopted.items() if rule not in self.tuples}


class SessionError(Exception):
    """ufw's rules are not what was asked for; the message says why."""


def main(request: Request) -> int:
    """Do what `bring` does; the exit status."""
    try:
        bring(request)
    except SessionError as error:
        sys.stderr.write("{}\n".format(error))
        return 1
    return 0


def bring(request: Request, saved: t.Callable[[], t.Dict[str, str]] = dict) -> None:
    """Make the rules of each family those of the request, and say so in the record. Raises SessionError.

    With `test` the loaded chains are only checked; with `live` they change; with `files` ufw's files do. `saved` is asked
    under ufw's lock what is loaded, by family and with counters; what it does not know, iptables-save has to tell.
    """
    try:
        # ufw itself holds this lock while it works.
        with open(request["lock"], "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            _bring(request, saved)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SessionError((getattr(error, "stderr", None) or str(error)).strip()) from error


def _bring(request: Request, saved: t.Callable[[], t.Dict[str, str]]) -> None:
    record = read_record(request["record"])
    families = request["families"]
    ours = {name: ours_of(record, name, _read(family["file"]), family["rules"]) for name, family in families.items()}
    if request.get("test"):
        _load(families, ours, saved(), "--test")
        return
    # Before anything changes, so that whatever becomes of this process, all of ours is known as ours.
    known = {name: sorted(one.known.union(one.tuples)) for name, one in ours.items()}
    _write_record(request, known, {name: one.adopted for name, one in ours.items()})
    if request["live"]:
        _load(families, ours, saved())
    if request["files"]:
        for name, family in families.items():
            text = _read(family["file"])
            edited = edit_file(text, ours[name], family["chain"])
            if edited != text:
                _replace(family["file"], edited)
        kept = {
            name: {rule: one.adopted[rule] for rule in one.adopted if rule in one.tuples} for name, one in ours.items()
        }
        _write_record(request, {name: sorted(one.tuples) for name, one in ours.items()}, kept)


def read_record(path: str) -> t.Dict[str, t.Any]:
    """The record: "ruleset", None where there is none, and by family "known", tuples of ours, and "adopted".

    One that cannot be read is none: what bears our comment is known as ours without it.
    """
    try:
        record = json.loads(_read(path))
        return {key: record[key] for key in ("ruleset", "known", "adopted")}
    except (ValueError, KeyError, TypeError):
        return {"ruleset": None, "known": {}, "adopted": {}}


def ours_of(record: t.Mapping[str, t.Any], family: str, text: str, rules: t.Sequence[t.Sequence[str]]) -> Ours:
    """What is ours: rules of the record, and those in the text of ufw's file that bear our comment.

    A rule of the owner's that is the same as a wanted one is adopted, as ufw keeps no rule twice.
    """
    known = set(record["known"].get(family, []))
    adopted = dict(record["adopted"].get(family, {}))
    wanted = [rule[0] for rule in rules]
    for item in _split(text)[1]:
        if _comment_of(item).startswith(OWNER):
            known.add(_tuple_of(item))
        elif _tuple_of(item) in wanted and _tuple_of(item) not in known:
            adopted[_tuple_of(item)] = item
    return Ours(rules, known, adopted)


def edit_file(text: str, ours: Ours, chain: str) -> str:
    """The text of ufw's file with our rules in it, and none that is known and no longer wanted; the rest as it is.
    A text without the marks between which ufw keeps its rules stays as it is.

    They come before all of others, but for those at the top that refuse one source whatever it wants.
    """
    head, items, tail = _split(text)
    if not tail:
        return text
    mine = [_item(rule, comment, chain) for rule, comment in ours.rules]
    gone = ours.known.union(ours.tuples)
    others = [item for item in items if _tuple_of(item) not in gone and not _comment_of(item).startswith(OWNER)]
    others += [item for item in ours.returned.values() if item not in others]
    return head + "".join(_in_order(mine, others)) + tail


def without_counters(saved: str) -> str:
    """What iptables-save writes without -c, of what it writes with it."""
    return _COUNTERS.sub("", saved)


def chain_lines(saved: str, chain: str) -> t.Optional[t.List[str]]:
    """The rules of a chain in the output of iptables-save, without counters; None where there is no such chain."""
    lines = _LINE.findall(without_counters(saved))
    if not any(line.startswith(":{} ".format(chain)) for line in lines):
        return None
    return [line for line in lines if line.startswith("-A {} ".format(chain))]


def edit_chain(have: t.List[str], ours: Ours, chain: str) -> t.List[str]:
    """The rules of a loaded chain with ours in it, in the order of `edit_file`."""
    mine = [live_line(rule, chain) for rule in ours.tuples]
    gone = {live_line(rule, chain) for rule in ours.known.difference(ours.tuples)}.union(mine)
    returned = [live_line(rule, chain) for rule in ours.returned]
    return _in_order(mine, [line for line in have if line not in gone.union(returned)] + returned)


def _in_order(mine: t.List[str], others: t.List[str]) -> t.List[str]:
    first = next((at for at, one in enumerate(others) if not (refuses_one_source(one) or _only_logs(one))), len(others))
    while first and _only_logs(others[first - 1]):
        first -= 1  # it belongs to the rule that comes next
    return [*others[:first], *mine, *others[first:]]


def refuses_one_source(rule: str) -> bool:
    """Whether a rule refuses one source whatever it wants; those stay before ours."""
    return bool(_REFUSES_ONE_SOURCE.match(rule))


def _only_logs(rule: str) -> bool:
    """Whether a loaded rule is the first of the two that ufw makes of one that refuses or accepts, and logs that."""
    return bool(_ONLY_LOGS.fullmatch(rule))


def live_line(rule: str, chain: str) -> str:
    """A rule as iptables-save lists it."""
    action, protocol, port, to, _any, source, _in = rule.split()
    ends = [("-s", source), ("-d", to)]
    match = " ".join("{} {}".format(option, _with_length(end)) for option, end in ends if end not in _ANYWHERE)
    ends_and_service = "{}-p {protocol} -m {protocol} --dport {}".format(match and match + " ", port, protocol=protocol)
    return "-A {} {} -j {}".format(chain, ends_and_service, _VERDICTS[action])


def _item(rule: str, comment: str, chain: str) -> str:
    """A rule as ufw writes it to its file (0.36, backend_iptables.py)."""
    action, protocol, port, to, _any, source, _in = rule.split()
    destination = "" if to in _ANYWHERE else "-d {} ".format(to)
    origin = "" if source in _ANYWHERE else "-s {} ".format(source)
    return "{}{} comment={}\n-A {} -p {} {}--dport {} {}-j {}\n".format(
        TUPLE, rule, comment.encode().hex(), chain, protocol, destination, port, origin, _VERDICTS[action]
    )


def _with_length(network: str) -> str:
    return network if "/" in network else "{}/{}".format(network, 128 if ":" in network else 32)


def _split(text: str) -> t.Tuple[str, t.List[str], str]:
    """What comes before the rules, the rules, and what comes after."""
    head, marker, rest = text.partition(RULES)
    rules, end, tail = rest.partition(END)
    if not marker or not end:
        return text, [], ""
    return head + marker, [TUPLE + item for item in rules.split(TUPLE)[1:]], end + tail


def _tuple_of(item: str) -> str:
    return item[len(TUPLE) :].partition("\n")[0].partition(" comment=")[0].strip()


def _comment_of(item: str) -> str:
    text = item.partition("\n### tuple")[2].partition("\n")[0].partition(" comment=")[2].strip()
    try:
        return bytes.fromhex(text).decode(errors="replace")
    except ValueError:
        return ""


def _load(families: t.Dict[str, t.Any], ours: t.Dict[str, Ours], known: t.Dict[str, str], *options: str) -> None:
    """Replace each family's chain in one step; what others have there keeps its counters."""
    for name, family in families.items():
        if not family["live"]:
            continue
        saved = known.get(name) or _run([family["save"], "-c", "-t", "filter"])
        have = chain_lines(saved, family["chain"])
        if have is None:
            continue
        want = edit_chain(have, ours[name], family["chain"])
        if want == have:
            continue
        _refuse_line_breaks(want, family["chain"])
        counters = {_COUNTERS.sub("", line): line for line in _LINE.findall(saved)}
        lines = [counters.get(line, "[0:0] " + line) for line in want]
        text = "*filter\n:{} - [0:0]\n{}COMMIT\n".format(family["chain"], "".join(line + "\n" for line in lines))
        _run([family["restore"], "--wait", "10", "--counters", "--noflush", *options], text)


def _refuse_line_breaks(rules: t.List[str], chain: str) -> None:
    """What follows one would be lost, as iptables-restore(8) reads line by line: the verdict of the rule."""
    for rule in rules:
        if "\n" in rule:
            raise SessionError(
                "the chain {} cannot be loaded with another rule in it, as iptables-restore takes no comment with a line "
                "break, and one of its rules has such: {!r}. Delete that rule, or give it another comment".format(
                    chain, rule
                )
            )


def _run(argv: t.List[str], given: str = "") -> str:
    done = subprocess.run(
        argv, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
        encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip
    return done.stdout


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write_record(request: Request, known: t.Mapping[str, t.Sequence[str]], adopted: t.Mapping[str, t.Any]) -> None:
    path = request["record"]
    if request["ruleset"] is None and not any(known.values()):
        if os.path.exists(path):
            os.remove(path)
            os.rmdir(os.path.dirname(path))
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    _replace(path, json.dumps({"ruleset": request["ruleset"], "known": known, "adopted": adopted}), mode=0o600)


def _replace(path: str, text: str, mode: t.Optional[int] = None) -> None:
    """Give a file another content in one step, and leave owner and mode as they are, or make it with this mode."""
    if _read(path) == text:
        return  # a full disk hinders nobody who has nothing to write
    path = os.path.realpath(path)
    temporary = path + ".gatehouse-kong"
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            if mode is None:
                status = os.stat(path)
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
                mode = status.st_mode & 0o7777
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise
