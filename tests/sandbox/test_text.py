"""Text in videos: any script, coloured emoji, and no box for a character that no font has."""

from __future__ import annotations

import logging
import struct
import unicodedata
import uuid
from typing import Any, List, Tuple

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from bluma_async.sandbox.rendering.font_files import (
    BUNDLED,
    covers,
    find_emoji_font,
    find_font,
    list_fonts,
    read_ranges,
)
from bluma_async.sandbox.rendering.pieces import BREAK, join_pieces, split_pieces
from bluma_async.sandbox.rendering.runs import REPLACEMENT, split_runs
from bluma_async.sandbox.rendering.scene import (
    Scene,
    _sentences,  # pyright: ignore[reportPrivateUsage]
    clean,
    phrases,
    speaking_turns,
    wrap,
)
from bluma_async.sandbox.rendering.styles import STYLES
from bluma_async.sandbox.rendering.text import HAS_RAQM, draw_line, font, measure

SIZE = 40


def draw(text: str, **options: Any) -> Image.Image:
    """Return a picture with a line of text in white on black."""
    picture = Image.new("RGB", (900, 80))
    draw_line(ImageDraw.Draw(picture), (10, 10), text, SIZE, (255, 255, 255), **options)
    return picture


def need(text: str) -> None:
    """Skip the test if no font of the machine has the text."""
    missing = [letter for letter in text if find_font(letter) is None]
    if missing:
        pytest.skip(f"no installed font has {missing[0]!r}: apt-get install fonts-noto-core fonts-noto-cjk")


def test_the_bundled_font_is_small_and_has_its_licence() -> None:
    """Under 150 kB, with the text of the Open Font License beside it."""
    licence = (BUNDLED.parent / "OFL.txt").read_text(encoding="utf-8")

    assert BUNDLED.stat().st_size < 150_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "PERMISSION & CONDITIONS" in licence


@pytest.mark.parametrize(
    "text", ["Straße, Łódź, İstanbul, naïve", "Tiếng Việt", "Ελληνικά, ώρα", "Привет, Ёлка, Київ", "“—” … € ₴ №"]
)
def test_latin_greek_and_cyrillic_need_no_font_of_the_machine(text: str) -> None:
    """They are drawn with the bundled font, in one run."""
    assert [run.path for run in split_runs(text)] == [BUNDLED]


def test_the_table_of_characters_is_that_of_the_font() -> None:
    """A character is in the table if, and only if, Pillow draws it otherwise than one that the font lacks."""
    face = ImageFont.truetype(str(BUNDLED), 20, layout_engine=ImageFont.Layout.BASIC)
    box = bytes(face.getmask("\U000e0001"))
    for code in range(0x21, 0x600):
        if 0x7F <= code <= 0xA0 or code == 0xAD:
            continue  # controls and spaces have no picture
        assert covers(BUNDLED, chr(code)) == (bytes(face.getmask(chr(code))) != box), hex(code)


def make_table(number: int, subtable: bytes) -> bytes:
    """Return a `cmap` table with one subtable."""
    return struct.pack(">HHHHI", 0, 1, 3, number, 12) + subtable


def test_both_forms_of_the_table_are_read() -> None:
    """Ranges of 32 bits; and of 16 bits, with a shift or with a list of glyphs in which 0 stands for none."""
    wide = make_table(10, struct.pack(">HHIII", 12, 0, 40, 0, 2) + struct.pack(">6I", 65, 90, 1, 0x1F600, 0x1F64F, 30))
    ends, starts, deltas, places = (67, 100, 0xFFFF), (65, 99, 0xFFFF), (0, 0, 1), (0, 4, 0)
    lists = struct.pack(">3H2x3H3H3H", *ends, *starts, *deltas, *places) + struct.pack(">2H", 0, 7)
    narrow = make_table(1, struct.pack(">7H", 4, 16 + len(lists), 0, 6, 0, 0, 0) + lists)

    assert list(read_ranges(wide)) == [(65, 90), (0x1F600, 0x1F64F)]
    assert [each for each in read_ranges(narrow) if each[0] != 0xFFFF] == [(65, 67), (100, 100)]


def test_a_character_without_a_font_is_replaced_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A private character is drawn as the replacement character, not as a box."""
    letter = chr(0xF0000 + uuid.uuid4().int % 60_000)  # one that no earlier test has drawn

    with caplog.at_level(logging.WARNING, "bluma.sandbox"):
        runs = [*split_runs(f"a {letter}"), *split_runs(f"b {letter}")]

    assert "".join(run.text for run in runs) == f"a {REPLACEMENT}b {REPLACEMENT}"
    assert [record.message for record in caplog.records] == [
        f"No installed font has U+{ord(letter):04X} (no name); a replacement is drawn in videos."
    ]
    assert covers(BUNDLED, REPLACEMENT)
    assert ImageChops.difference(draw(letter), draw(REPLACEMENT)).getbbox() is None


@pytest.mark.parametrize("text", ["漢字かな交じり文", "한국어", "हिन्दी", "ไทย", "עברית"])
def test_other_scripts_have_a_font_of_the_machine(text: str) -> None:
    """No character is replaced, and the line is as wide as it is measured."""
    need(text)

    runs = split_runs(text)
    box = draw(text).getbbox()
    assert REPLACEMENT not in "".join(run.text for run in runs)
    assert box is not None
    assert abs(box[2] - 10 - measure(text, SIZE)) < SIZE / 4


def test_arabic_is_joined_and_read_from_the_right() -> None:
    """The letters of a word are narrower together than apart, and the first word stands at the right."""
    need("سلامعل")
    if not HAS_RAQM:
        pytest.skip("Pillow has no Raqm here, which joins letters: apt-get install libfribidi0")

    apart = sum(measure(letter, SIZE) for letter in "سلام")
    runs = split_runs("سلام abc عليكم")
    assert measure("سلام", SIZE) < apart * 0.95
    assert [run.text.strip() for run in runs if run.text.strip()] == ["عليكم", "abc", "سلام"]
    assert [run.text.strip() for run in split_runs("abc سلام def") if run.text.strip()] == ["abc", "سلام", "def"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u0645\u0631\u062d\u0628\u0627 world 123!", ["!", "world 123", "\u0645\u0631\u062d\u0628\u0627"]),
        (
            "\u05e9\u05dc\u05d5\u05dd take 5, 6 \u05e9\u05dc\u05d5\u05dd",
            ["\u05e9\u05dc\u05d5\u05dd", "take 5, 6", "\u05e9\u05dc\u05d5\u05dd"],
        ),
        ("abc 5 \u05e9\u05dc\u05d5\u05dd 12", ["abc 5", "12", "\u05e9\u05dc\u05d5\u05dd"]),
    ],
)
def test_a_number_stands_behind_its_word(text: str, expected: List[str]) -> None:
    """Digits have the direction of the word before them, and so has the space between."""
    need(text)

    assert [run.text.strip() for run in split_runs(text) if run.text.strip()] == expected


def test_emoji_are_coloured_and_sequences_are_one_picture() -> None:
    """A family, a flag, a tone of skin and a key cap are each as wide as a single face."""
    if find_emoji_font() is None:
        pytest.skip("no coloured emoji on this machine: apt-get install fonts-noto-color-emoji")

    face = measure("😀", SIZE)
    for text in ("👨‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "1️⃣"):
        assert [run.is_emoji for run in split_runs(clean(text))] == [True], text
        assert measure(text, SIZE) == pytest.approx(face, rel=0.1), text
    colours = draw("😀").convert("HSV").getcolors(2**20)
    assert colours is not None
    assert sum(count for count, (_, saturation, _) in colours if saturation > 120) > 200
    layer = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    draw_line(ImageDraw.Draw(layer), (5, 5), "😀", SIZE, (255, 255, 255))
    assert layer.getpixel((30, 40))[3] == 255  # type: ignore[index]  # a picture with four channels


@pytest.mark.parametrize("anchor", ["la", "mm", "rs"])
def test_a_line_with_several_fonts_stands_where_its_anchor_is(anchor: str) -> None:
    """A line of one run and one of two runs begin at the same height."""
    need("漢")
    boxes: List[Tuple[int, int, int, int]] = []
    for text in ("HH", "H漢"):
        picture = Image.new("RGB", (400, 200))
        draw_line(ImageDraw.Draw(picture), (200, 100), text, SIZE, (255, 255, 255), anchor)
        left = picture.crop((0, 0, 400, 200)).getbbox()
        assert left is not None
        boxes.append(left)
    edge = font(SIZE).getbbox("H", anchor="ls")
    tall = edge[3] - edge[1]

    assert abs(boxes[1][1] - boxes[0][1]) <= tall / 4
    assert (boxes[0][0] < 200) == (boxes[1][0] < 200) == (anchor != "la")


def test_files_that_are_no_fonts_are_passed_over(tmp_path: Any) -> None:
    """A broken file of the machine has no character, and raises nothing."""
    broken = tmp_path / "x.ttf"
    for content in (b"", b"\0\1\0\0", b"ttcf" + b"\xff" * 40, BUNDLED.read_bytes()[:300]):
        broken.write_bytes(content)
        covers.__globals__["_load"].cache_clear()

        assert not covers(broken, "a")


def test_the_fonts_of_the_machine_come_in_one_order() -> None:
    """Plain faces come before bold ones, so that a text looks the same in each run."""
    names = [path.name.lower() for path in list_fonts()]
    plain = [index for index, name in enumerate(names) if "bold" not in name]
    bold = [index for index, name in enumerate(names) if "bold" in name and "mono" not in name]

    assert len(names) == len(list_fonts())
    assert not plain or not bold or min(plain) < min(bold)


def test_a_sentence_has_one_speaker() -> None:
    """A long sentence takes several turns of one speaker, and the next sentence is the other's."""
    text = "One two three four five six. Seven? Eight nine ten eleven “twelve.” 十三です。"
    words = text.split()

    turns = speaking_turns(words, 3)
    assert " ".join(phrase for _, phrase in turns) == " ".join(words)
    assert [turn for turn, _ in turns] == [0, 0, 1, 2, 2, 3]


def test_abbreviations_end_no_sentence() -> None:
    """One speaker says the whole of a sentence with a title, initials, or a full stop before a small letter."""
    text = "Why? Dr. J. R. Smith, of the U.S. council, saw it at 5 p.m. from no. 7, e.g. today ... and left. So what?"

    sentences = [" ".join(group) for group in _sentences(text.split())]

    assert sentences == ["Why?", text[5:-9], "So what?"]


def test_accents_are_joined_with_their_letters() -> None:
    """Text in the decomposed form, as macOS has it in names of files, is drawn with the bundled font too."""
    assert clean("Ti\u00ea\u0301ng Vi\u00ea\u0323t, e\u0301") == "Ti\u1ebfng Vi\u1ec7t, \u00e9"


def test_scripts_without_spaces_are_split() -> None:
    """Chinese and Japanese become pieces that fit a caption; nothing is added that is shown."""
    text = "空が青いのは光が散乱するからです。特に青い光がよく散乱します"

    split = clean(text)
    assert split.replace(BREAK, "") == text
    assert max(len(piece.rstrip(BREAK)) for piece in split_pieces(split)) <= 6
    assert len(phrases(split_pieces(split), 4)) > 1
    assert speaking_turns(split_pieces(split), 9)[-1][0] == 1


UNSPACED = {
    "Thai": "เพราะแสงสีฟ้ากระจายมากกว่าแสงสีแดงในชั้นบรรยากาศของโลกเรา",
    "Lao": "ເປັນຫຍັງທ້ອງຟ້າຈຶ່ງເປັນສີຟ້າໃນຕອນກາງເວັນ",
    "Khmer": "ហេតុអ្វីបានជាមេឃមានពណ៌ខៀវនៅពេលថ្ងៃនេះ",
    "Myanmar": "ကောင်းကင်ကြီးဘာကြောင့်အပြာရောင်ဖြစ်ရသလဲ",
}


@pytest.mark.parametrize("script", sorted(UNSPACED))
def test_signs_stay_with_their_letters(script: str) -> None:
    """No piece and no line begins with a sign, or ends with a vowel that is read after the next letter."""
    text = UNSPACED[script]
    need(text)

    cleaned = clean(text)
    parts = [part.rstrip(BREAK) for part in (*split_pieces(cleaned), *wrap(cleaned, SIZE, 60), *wrap(text, SIZE, 60))]
    assert cleaned.replace(BREAK, "") == text
    assert len(split_pieces(cleaned)) > 3
    assert [part for part in parts if unicodedata.category(part[0])[0] == "M"] == []
    assert [part for part in parts if "\u0e40" <= part[-1] <= "\u0e44" or "\u0ec0" <= part[-1] <= "\u0ec4"] == []
    assert [part for part in parts if part.endswith("\u17d2")] == []  # joins two letters of Khmer


@pytest.mark.parametrize("script", sorted(UNSPACED))
def test_a_break_is_not_drawn(script: str) -> None:
    """A line with its breaks has the picture and the width of the text."""
    text = UNSPACED[script]
    need(text)

    assert ImageChops.difference(draw(clean(text)), draw(text)).getbbox() is None
    assert measure(clean(text), SIZE) == measure(text, SIZE)


def test_a_long_word_is_not_torn_apart() -> None:
    """It may be broken, and shows no space; a break of the prompt itself is none either."""
    address = "https://example.com/a/long/path/without/a/space?and=a-query"

    assert clean(address).replace(BREAK, "") == address
    assert max(map(len, split_pieces(clean(address)))) <= 19
    assert join_pieces(split_pieces(clean(f"one {address} two"))) == clean(f"one {address} two")
    assert clean(f"a{BREAK}b{BREAK}") == f"a{BREAK}b"
    assert clean(BREAK) == "(empty)"


def test_captions_show_pieces_without_gaps() -> None:
    """The pieces of a word stand side by side, and words apart, in both directions of reading."""
    widths: List[int] = []
    for text in (f"ab{BREAK}cd", "ab cd", f"\u05d0\u05d1{BREAK}\u05d2\u05d3", "\u05d0\u05d1 \u05d2\u05d3"):
        need(text.replace(BREAK, ""))
        picture = next(iter(STYLES["ugc-text-overlay"](Scene(text=text, frames=24, fps=24))))[0]
        box = picture.convert("L").point([255 * (value < 8) for value in range(256)]).getbbox()  # the black outline
        assert box is not None
        widths.append(box[2] - box[0])

    size = 92
    assert widths[1] - widths[0] == pytest.approx(measure(" ", size), abs=3)
    assert widths[3] - widths[2] == pytest.approx(measure(" ", size), abs=3)
