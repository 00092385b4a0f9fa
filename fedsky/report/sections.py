"""The views of one kind of data, each a section of the page: who gains, the curves, the owners, the cost."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.columns import COLUMNS, FINAL_METRICS
from fedsky.language import _

from . import judgements, plots, tables, verdict, words
from .blocks import Block, Plot, Plots, Section, sheet
from .comparisons import joining
from .groups import Group
from .reading import Floats
from .results import Result
from .subject import Subject
from .views import cost, owners, sweeps, targets
from .views.curves import AXES, MOST_LINES, curves, shown_spent, spent_table
from .views.joining import joining_table, share_text, shown_joining

FEW = 8  # partitions beyond which none is drawn, groups of one heat map


def sections(about: Subject) -> list[Section]:
    """Every view but the result itself, the settings and the provenance."""
    found = [_gains(about), _curves(about), _owners(about)]
    if about.thorough:
        found += [_targets(about), judgements.section(about), _sweeps(about)]
    return [*found, _cost(about)]


def _numbered(name: str, number: int, all_of_them: int) -> str:
    return f"{name}-{number}" if all_of_them > 1 else name


def _gains(about: Subject) -> Section:
    """What joining changes for all, then owner by owner."""
    drawn: list[Plot] = []
    found = [each for each in joining(about.kind) if each.federated in about.shown]
    if found:
        about.writer.table("joining", joining_table(about.kind, found))
        shown = shown_joining(found)
        caption = _("Points of balanced accuracy that joining changes, with 95 % intervals that hold together.")
        alt = caption + " " + " ".join(verdict.headline(each) for each in found)
        draw = partial(plots.joining, found, about.looks)
        drawn.append(about.writer.plot(f"{about.prefix}joining", draw, alt, caption, shown, "tables/joining.csv"))
        known = [each for each in found if each.share is not None]
        if known:
            caption = _("Share of the gap between alone and pooled that a federation closes, with its 95 % interval.")
            said = "; ".join(f"{each.federated.label} {share_text(each.share)}" for each in known)
            drawn.append(about.writer.plot(f"{about.prefix}share", partial(plots.share, found, about.looks),
                                           f"{caption} {said}.", caption, shown, "tables/joining.csv"))  # fmt: skip
    drawn += _each_owner(about)
    lead = _("An owner's own test images are few: its accuracy moves by 100/n points with every image.")
    return Section(f"{about.prefix}gains", _("Who gains by joining"), lead, [Plots(drawn)] if drawn else [])


def _each_owner(about: Subject) -> list[Plot]:
    """One dumbbell plot a context."""
    found = []
    about.writer.table("owners", tables.owners_table(about.kind, about.kind.groups))
    for number, (context, groups) in enumerate(about.contexts, 1):
        table = tables.owners_table(about.kind, groups)
        if not table["accuracy"].notna().any():
            continue
        title = _("Each owner's accuracy on its own test images") + (f", {context}" if context else "")
        gains = " ".join(verdict.owner_gains(groups))
        caption = _("{title}: mean over runs; n is the number of its test images. {gains}", title=title, gains=gains)
        name = _numbered(f"{about.prefix}owners", number, len(about.contexts))
        found.append(about.writer.plot(
            name, partial(plots.owners, table, groups, about.looks), f"{title}. {gains}",
            caption, tables.shown_owners(table), "tables/owners.csv",
        ))  # fmt: skip
    return found


def _curves(about: Subject) -> Section:
    """Each metric against each of what is spent: rounds unfolded, the rest folded."""
    kind, writer = about.kind, about.writer
    spent = spent_table(kind)
    writer.table("spent", spent)
    by_metric = {metric: tables.rounds_table(kind, kind.groups, metric) for metric in FINAL_METRICS}
    for metric, table in by_metric.items():
        writer.table(metric, table)
    single = all(len(group.results) == 1 for group in about.shown)
    lines = sum(len(group.results) for group in about.shown)
    how = _("One run a group: no interval.") if single else _("Line: mean over runs; band: 95 % interval over runs "
                                                             "(Student's t).")  # fmt: skip
    if not single and lines <= MOST_LINES:
        how += " " + _("Faint lines: single runs.")
    blocks: list[Block] = []
    for axis, title in (AXES if about.thorough else {"round": AXES["round"]}).items():
        drawn = []
        for metric in FINAL_METRICS:
            found, unknown = curves(by_metric[metric], spent, about.shown, metric, axis)
            if not found:
                continue
            name = f"{about.prefix}{metric}" + ("" if axis == "round" else f"-{axis}")
            head = _("{metric} against: {axis}.", metric=_(COLUMNS[metric].label).capitalize(), axis=_(title).lower())
            ends = "; ".join(f"{curve.group.label} {words.final_words(curve.group, metric)}" for curve in found)
            without = _("Unknown, and so not drawn: {groups}.", groups=", ".join(unknown)) if unknown else ""
            numbers = by_metric[metric][by_metric[metric]["group"].isin({group.label for group in about.shown})]
            frame = tables.shown_rounds(numbers, metric) if axis == "round" else shown_spent(spent, about.shown, axis)
            drawn.append(writer.plot(
                name, partial(plots.curves, found, metric, axis, about.looks),
                _("{head} In the last round: {ends}.", head=head, ends=ends),
                f"{head} {how} {without}".strip() + about.cut, frame,
                f"tables/{metric}.csv" if axis == "round" else "tables/spent.csv",
            ))  # fmt: skip
        if drawn:
            blocks.append(Plots(drawn, _("Against: {axis}", axis=_(title).lower()), axis == "round"))
    lead = _("On the test images. A point is a round: its place is what the group's runs had spent by then and its "
             "height what they had reached, both means over runs; nothing is interpolated. Training alone and pooled "
             "training send no models: against megabytes they are level lines at their last result.")  # fmt: skip
    return Section(f"{about.prefix}rounds", _("Over rounds, megabytes, seconds and local steps"), lead, blocks)


def _owners(about: Subject) -> Section:
    """Owners round by round, the best and the worst served, size, and who has which images."""
    writer, blocks = about.writer, list[Block]()
    table = owners.spread_table(about.kind, about.kind.groups)
    writer.table("spread", table)
    mine = table[table["group"].isin({group.label for group in about.shown})]
    if about.thorough and mine["mean"].notna().any():
        drawn = _heats(about)
        shown = owners.shown_spread(mine)
        caption = _("Owners in the last round: mean of the worst tenth (at least one owner), of all, and of the best "
                    "tenth; means over runs.") + about.cut  # fmt: skip
        said = "; ".join(f"{row[_('group')]}: {row[_('worst tenth')]} – {row[_('best tenth')]}"
                         for row in shown.to_dict("records"))  # fmt: skip
        drawn.append(writer.plot(f"{about.prefix}spread", partial(plots.spread, mine, about.shown, about.looks),
                                 f"{caption} {said}", caption, shown, "tables/spread.csv"))  # fmt: skip
        sizes = owners.size_table(about.kind, about.shown)
        writer.table("sizes", sizes)
        if sizes["train_images"].max() > 1.2 * sizes["train_images"].min():
            caption = _("Accuracy of each owner on its own test images against the number of its training images; "
                        "means over runs.")  # fmt: skip
            alt = caption + " " + _("Owners have {low} to {high} training images.",
                                    low=f"{sizes['train_images'].min():.0f}",
                                    high=f"{sizes['train_images'].max():.0f}")  # fmt: skip
            drawn.append(writer.plot(f"{about.prefix}sizes", partial(plots.sizes, sizes, about.shown, about.looks), alt,
                                     caption, _shown_sizes(sizes), "tables/sizes.csv"))  # fmt: skip
        blocks += [Plots(drawn), sheet(_("How unlike the owners fare in the last round; means over runs. Jain's index "
                                         "is 1 where all fare alike."), shown, file="tables/spread.csv")]  # fmt: skip
    if partitions := _partitions(about):
        blocks.append(Plots(partitions))
    return Section(f"{about.prefix}by-owner", _("The owners"), "", blocks)


def _shown_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """One row an owner, one column a group."""
    rows: dict[int, dict[str, str]] = {}
    for row in table.sort_values("client", kind="stable").to_dict("records"):
        cells = rows.setdefault(row["client"], {_("owner"): str(row["owner"])})
        cells[row["group"]] = f"{words.percent(row['accuracy'])} ({row['train_images']:.0f})"
    return pd.DataFrame(list(rows.values())).fillna(words.UNKNOWN)


def _heats(about: Subject) -> list[Plot]:
    """One heat map a context, with a panel a group."""
    found = []
    for number, (context, groups) in enumerate(about.contexts, 1):
        heats = [each for group in groups[:FEW] if (each := owners.heat(group)) is not None]
        if not heats:
            continue
        caption = _("Each owner's accuracy on its own test images in each round, mean over runs") + (
            f", {context}." if context else ".")  # fmt: skip
        rows = [{_("group"): each.group.label, _("owner"): name, _("first round"): words.percent(float(values[0])),
                 _("last round"): words.percent(float(values[-1])), _("lowest"): words.percent(_least(values)),
                 _("highest"): words.percent(-_least(-values))}
                for each in heats for name, values in zip(each.owners, each.accuracy, strict=True)]  # fmt: skip
        said = "; ".join(f"{row[_('group')]}, {row[_('owner')]}: {row[_('last round')]}" for row in rows[:20])
        name = _numbered(f"{about.prefix}heat", number, len(about.contexts))
        found.append(about.writer.plot(name, partial(plots.heat, heats), f"{caption} {said}.", caption,
                                       pd.DataFrame(rows)))  # fmt: skip
    return found


def _least(values: Floats) -> float:
    known = values[values == values]
    return float(known.min()) if len(known) else float("nan")


def _partitions(about: Subject) -> list[Plot]:
    """One plot for each different partition, of a group's first repetition; the table has those beyond FEW too."""
    seen: dict[str, list[tuple[Group, Result]]] = {}
    for group in about.kind.groups:
        result = next(iter(group.results.values()))
        if len(result.partition):
            seen.setdefault(result.partition.to_csv(), []).append((group, result))
    found = []
    for number, members in enumerate(seen.values(), 1):
        first = members[0][1]
        who = ", ".join(group.label for group, _result in members)
        several = _(" of {groups}", groups=who) if len(seen) > 1 else ""
        caption = _("Training images of each owner by class{several}; seed {seed}, data seed {data_seed}.",
                    several=several, seed=first.key[0], data_seed=first.key[1])  # fmt: skip
        shown = tables.partition_table(first)
        about.writer.table("partition", shown.assign(data=about.kind.title, groups=who))
        if number > FEW:
            continue
        alt = caption + " " + "; ".join(
            f"{row.iloc[0]}: " + ", ".join(f"{value} {key}" for key, value in row.iloc[1:].items()) for _i, row in
            shown.head(20).iterrows())  # fmt: skip
        names = dict(zip(first.owners.index, first.owners["name"], strict=True))
        found.append(about.writer.plot(
            _numbered(f"{about.prefix}partition", number, len(seen)),
            partial(plots.partition, first.partition, names), alt, caption, shown,
            "tables/partition.csv",
        ))  # fmt: skip
    return found


def _targets(about: Subject) -> Section:
    """What it takes to come near pooled training."""
    title = _("What it takes to come near pooled training")
    found = targets.targets(about.kind)
    if not found:
        return Section("", title, "", [])
    about.writer.table("targets", targets.targets_table(about.kind, found))
    labels = {group.label for group in about.shown}
    drawn = [each for each in found if each.group.label in labels]
    shown = targets.shown_targets(drawn)
    short = [each for each in drawn if each.reached < len(each.costs)]
    never = "; ".join(_("{group}: {n} of {all} runs reach {share} %", group=each.group.label, n=each.reached,
                        all=len(each.costs), share=f"{100 * each.share:.0f}") for each in short[:12])  # fmt: skip
    caption = _("Rounds, megabytes and seconds until a run first reaches a share of pooled training's balanced "
                "accuracy. Small dot: a run; mark: the mean, only where all runs of the group come there.")  # fmt: skip
    if short:
        caption += " " + _("Not every run comes there: {cases}.", cases=never + (" …" if len(short) > 12 else ""))
    caption += about.cut
    said = "; ".join(f"{row[_('group')]}, {row[_('share of pooled')]}: {row[_('rounds')]}"
                     for row in shown.head(30).to_dict("records"))  # fmt: skip
    alt = caption + " " + _("Rounds: {cases}.", cases=said)
    plot = about.writer.plot(f"{about.prefix}targets", partial(plots.targets, drawn, about.looks), alt, caption, shown,
                             "tables/targets.csv")  # fmt: skip
    lead = _("Read off each run's curve of balanced accuracy on the test images (no run was stopped or chosen by it), "
             "the first round at or above the share of the pooled runs' mean last result. A curve that jumps comes "
             "there early by luck, and may fall below again.")  # fmt: skip
    return Section(f"{about.prefix}targets-section", title, lead, [Plots([plot])])


def _sweeps(about: Subject) -> Section:
    """The final result against each setting that is swept."""
    title = _("Settings that were swept")
    found = sweeps.sweeps(about.kind.groups)
    if not found:
        return Section("", title, "", [])
    table = sweeps.sweep_table(about.kind, found)
    about.writer.table("sweeps", table)
    drawn = []
    for number, start in enumerate(range(0, min(len(found), 6), 3), 1):
        some = found[start : start + 3]
        keys = ", ".join(each.key for each in some)
        caption = _("Balanced accuracy after the last round against {keys}: lines join groups that differ in nothing "
                    "else; mean, 95 % interval over runs, every run a dot.", keys=keys)  # fmt: skip
        more = max(len(each.series) for each in some) - sweeps.MOST_SERIES
        if more > 0:
            caption += " " + _("The first {n} lines of a panel are drawn.", n=sweeps.MOST_SERIES)
        mine = _shown_sweeps(some)
        said = "; ".join(", ".join(map(str, row.values())) for row in mine.head(20).to_dict("records"))
        drawn.append(about.writer.plot(
            _numbered(f"{about.prefix}sweep", number, min(len(found), 6) // 4 + 1),
            partial(plots.sweep, some, about.looks), f"{caption} {said}.", caption, mine, "tables/sweeps.csv",
        ))  # fmt: skip
    return Section(f"{about.prefix}sweeps", title, "", [Plots(drawn)])


def _shown_sweeps(found: Sequence[sweeps.Sweep]) -> pd.DataFrame:
    return pd.DataFrame([
        {_("setting"): each.key, _("value"): f"{point.x:g}", _("groups"): series.label,
         _("balanced accuracy"): words.percent_interval(point.estimate), _("runs"): str(point.estimate.n)}
        for each in found for series in each.series for point in series.points
    ])  # fmt: skip


def _cost(about: Subject) -> Section:
    """Seconds and megabytes of a mean round."""
    table = cost.cost_table(about.kind, about.kind.groups)
    about.writer.table("cost", table)
    mine = table[table["group"].isin({group.label for group in about.shown})]
    shown = cost.shown_cost(mine)
    caption = _("What a mean round costs.") + about.cut
    said = "; ".join(f"{row[_('group')]}: {row[_('seconds a round, on the wall')]} s, {row[_('MB up a round')]} MB up"
                     for row in shown.to_dict("records"))  # fmt: skip
    blocks: list[Block] = []
    if about.thorough:
        blocks.append(Plots([about.writer.plot(f"{about.prefix}cost", partial(plots.cost, mine, about.shown),
                                               f"{caption} {said}.", caption, shown, "tables/cost.csv")]))  # fmt: skip
    else:
        blocks.append(sheet(caption, shown, file="tables/cost.csv"))
    lead = _("Clients work several at a time and only their own seconds are kept: training takes the longest client's, "
             "or all clients' divided by how many work at a time, if that is more. What the server evaluates, sends, "
             "waits for and averages is not told apart: it is the rest. Seconds depend on the machine and on what else "
             "it did.")  # fmt: skip
    return Section(f"{about.prefix}cost-section", _("What it costs"), lead, blocks)
