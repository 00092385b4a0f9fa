"""What a person types after a command means what it looks like, and a key that nobody reads is refused."""

import shlex
import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from fedsky.config import compose
from fedsky.config.arguments import command_line, readable, shell_word
from fedsky.config.known import refuse_unread
from fedsky.config.refusals import explain

OUTSIDE = [
    "~/photos", "日本", "a=b", "/tmp/a(b", "photos (1)", "a#b", "it's", "a&b;c", "50%!", 'say "so"', "a]b",
    "\\\\host\\日", "C:\\日本\\", "x:y=z", "ü", "a(b,c)", "photos(1)", "<a>", "a`b", "^",
]  # fmt: skip


def taken(word: str) -> object:
    """The value that Hydra reads from a word: what ``compose`` does with it, without the tenth of a second."""
    [override] = OverridesParser.create().parse_overrides(readable([word]))
    return override.value()


@pytest.mark.parametrize("value", OUTSIDE)
def test_a_value_outside_of_hydras_grammar_is_that_text(value: str) -> None:
    assert taken(f"data.root={value}") == value
    assert taken(f"name={value}") == value


@pytest.mark.parametrize("value", ["1e3", "007", "1_000", "null", "true", "0x10", "1.50", "inf", "2024-01-01", "-0"])
def test_names_and_folders_stay_what_was_typed(value: str) -> None:
    assert taken(f"name={value}") == value
    assert taken(f"client_names=[{value},a]") == [value, "a"]
    if value not in ("null", "true"):  # which no folder is called
        assert taken(f"data.cache={value}") == value


def test_what_hydra_reads_is_what_a_run_gets() -> None:
    config = compose(
        ["data=folder", "data.root=a(b=日", "name=1e3", "client_names=[007,it's,null]", "data.cache=1_000"]
    )
    assert (config.data.root, config.name, config.data.cache) == ("a(b=日", "1e3", "1_000")
    assert config.client_names == ["007", "it's", "null"]


def test_what_hydra_reads_stays_as_it_is() -> None:
    words = ["lr=1e3", "patience=null", "data.cache=null", "client_names=null", "client_names=[a,'b c']", "name='a b'",
             "strategy=fedavg,fedprox", "seed=range(0,3)", "lr=choice(0.1,0.2)", "~privacy", "hydra.run.dir=a/b",
             "+x={a:1,b:[2,3]}", "name=${seed}", "-m", "--cfg", "job"]  # fmt: skip
    assert readable(words) == words


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("client_names=[北京,上海]", "client_names=['北京','上海']"),
        ("name=日本,a,1e3", "name='日本',a,'1e3'"),
        ("data.root=~/a,b c (1)", "data.root='~/a','b c (1)'"),
        ("+tracking.log_dir=~/x", "+tracking.log_dir='~/x'"),
    ],
)
def test_each_of_several_values_is_a_text_of_its_own(word: str, wanted: str) -> None:
    assert readable([word]) == [wanted]


@pytest.mark.parametrize("value", [*OUTSIDE, "a'b\"c$HOME`id`", "'", "a\nb", "!!", "${x"])
def test_the_quoting_that_is_shown_works_in_a_shell(value: str) -> None:
    typed = shell_word("data.cache", value)
    got = subprocess.run(["bash", "-c", f"printf %s {typed}"], capture_output=True, text=True, check=True).stdout
    assert shlex.split(typed) == [got]
    if "${" not in value:
        assert taken(got) == value


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("seed=0,", "seed=0,: nothing stands after the last comma: leave it out"),
        ("lr='", "lr=': its quotes or brackets do not fit; as one text: "),
        ("client_names=[a,b", "client_names=[a,b: its quotes or brackets do not fit; as one text: 'cl"),
        ("lr=choice(1,", "lr=choice(1,: its quotes or brackets do not fit"),
        ("lr=1,2", "lr=1,2: for a run with each of these values add -m; as one text: 'lr=\"1,2\"'"),
        ("learning_rate", "learning_rate is not a setting: write KEY=VALUE"),
        ("=1", "=1 names no setting: write KEY=VALUE"),
        ("+=a,b", "+=a,b names no setting: write KEY=VALUE"),
        ("~=a", "~=a names no setting: write KEY=VALUE"),
        ("日=1", "日 is not a key: write KEY=VALUE"),
        ("name=a\x1bb", "name='a\\x1bb': a name without line breaks"),
        ("data.root=\udcb1\udcb1", "data.root=\\udcb1\\udcb1 is not UTF-8: rename what it names"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_words_of_the_person(word: str, line: str) -> None:
    with pytest.raises(Exception) as raised:
        compose([word])
    told = explain(raised.value)
    assert told.startswith(line) and "\n" not in told, told


def test_options_may_stand_anywhere_and_wrong_ones_are_told_in_a_line() -> None:
    assert command_line(["seed=0,1", "-m", "--config-dir", "mine", "lr=1"]) == [
        "seed=0,1",
        "lr=1",
        "-m",
        "--config-dir",
        "mine",
    ]
    for words in (["--nonsense"], ["--cfg", "nobody"], ["lr=1", "--config-dir"]):
        with pytest.raises(ValueError, match="--help and --hydra-help") as raised:
            command_line(words)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["++learning_rate=0.5"], "unknown key learning_rate: did you mean lr?"),
        (["+data.foo=1"], "unknown key data.foo: did you mean"),
        (["+data.augment.flop=true"], "unknown key data.augment.flop: did you mean data.augment.flip?"),
        (["++strategy.nu=1"], "unknown key strategy.nu: did you mean strategy.mu?"),
        (["+data.root=x"], "data.root is a setting of data=folder, data=medmnist or data=torchvision alone"),
        (["engine=inline", "++engine.num_actors=2"], "engine.num_actors is a setting of engine=ray alone"),
        (["+privacy.clip=1"], "unknown key privacy.clip: did you mean"),
        (["+nosuch=fedavg"], "unknown key nosuch: see "),
    ],
)
def test_an_added_key_that_nobody_reads_is_refused(words: list[str], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        refuse_unread(words, compose(words))
    assert str(raised.value).startswith(line), raised.value


@pytest.mark.parametrize(
    "words",
    [
        ["++lr=0.1", "++data.size=32", "strategy=fedprox", "++strategy.mu=0.3"],
        ["+mine=0.3", "lr=${mine}"],
        ["+model.init=x", "model=softmax"],
        ["++hydra.job.chdir=false", "experiment=shelf", "lr=0.1"],
    ],
)
def test_an_added_key_that_something_reads_is_taken(words: list[str]) -> None:
    refuse_unread(words, compose(words))
