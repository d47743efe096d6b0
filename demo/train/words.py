"""Words and paths for the training conversations. demo/eval has its own lists."""

import functools
import json
import pathlib

COMMON = """the of and to in a is that for it was on are as with his they be at one have this from or had by but some what
there we can out other were all your when up use word how said an each she which do their time if will way about many then
them would write like so these her long make thing see him two has look more day could go come did my sound no most number
who over know water than call first people may down side been now find any new work part take get place made live where
after back little only round man year came show every good me give our under name very through just form much great think
say help low line before turn cause same mean differ move right boy old too does tell sentence set three want air well also
play small end put home read hand port large spell add even land here must big high such follow act why ask men change went
light kind off need house picture try us again animal point mother world near build self earth father head stand own page
should country found answer school grow study still learn plant cover food sun four thought let keep eye never last door
between city tree cross since hard start might story saw far sea draw left late run while press close night real life few
stop open seem together next white children begin got walk example ease paper often always music those both mark book
letter until mile river car feet care second group carry took rain eat room friend began idea fish mountain north once base
hear horse cut sure watch color face wood main enough plain girl usual young ready above ever red list though feel talk
bird soon body dog family direct pose leave song measure state product black short numeral class wind question happen
complete ship area half rock order fire south problem piece told knew pass farm top whole king size heard best hour better
true during hundred five remember step early hold west ground interest reach fast five sing listen six table travel less
morning ten simple several vowel toward war lay against pattern slow center love person money serve appear road map science
rule govern pull cold notice voice fall power town fine certain fly unit lead cry dark machine note wait plan figure star
box noun field rest correct able pound done beauty drive stood contain front teach week final gave green oh quick develop
sleep warm free minute strong special mind behind clear tail produce fact street inch lot nothing course stay wheel full
force blue object decide surface deep moon island foot yet busy test record boat common gold possible plane age dry wonder
laugh thousand ago ran check game shape yes hot miss brought heat snow bed bring sit perhaps fill east weight language among
file files command commands tool tools path shell folder directory user model system session project branch commit status
function value type string code error message output input result request response agent task memory context window token
default option version config settings network server client process script package module import export return const class
please current working repository git bash python node json text content description required parameters properties object
array boolean integer used using should will must when then only never always before after without within because""".split()

NOUNS = """apple banana cherry lemon orange grape melon papaya mango peach plum walnut almond carrot potato tomato onion
garlic pepper rabbit tiger lion zebra giraffe elephant monkey panda otter badger falcon eagle sparrow pigeon salmon trout
dolphin whale octopus spider beetle butterfly dragonfly mountain valley canyon desert glacier volcano lagoon harbor castle
tower bridge tunnel ladder hammer chisel needle thread button pocket jacket sweater blanket pillow candle lantern mirror
window curtain carpet kettle teapot saucer bottle barrel basket bucket wagon carriage bicycle tractor airplane rocket
satellite telescope compass hourglass pendulum whistle trumpet violin piano guitar drum orchestra ballet theater museum
library academy festival carnival parade holiday birthday wedding journey voyage adventure treasure diamond emerald ruby
sapphire crystal marble granite copper silver bronze platinum titanium hydrogen oxygen nitrogen carbon photon electron
galaxy nebula comet planet saturn jupiter mercury venus neptune winter summer autumn spring thunder lightning rainbow
tether hello world kiwi mandarin velvet cotton linen silk purple crimson indigo turquoise scarlet maroon olive beige
abracadabra banana mississippi bookkeeper zigzag pingpong tomtom yoyo bonbon cocoa""".split()

VERBS = "start stop build check clean update install remove create list show open close merge rebase push pull".split()

SYLLABLES = """ba be bi bo bu da de di do du fa fe fi fo ga ge go gu ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni
no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo za ze zi zo bra cle dra fle gri plo sta tri ster
ing ton mer ley der ian ous xo qua phi thi sho chu wen yar""".split()

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def invented(rng):
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4)))


def random_letters(rng):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(3, 9)))


def alphanumeric(rng):
    return "".join(rng.choice(LETTERS + "0123456789") for _ in range(rng.randint(3, 8)))


def number(rng):
    return str(rng.randint(0, 10 ** rng.randint(1, 6)))


FOREIGN = "café naïve über señor piñata déjà Zürich Gänse crème façade año smörgås 東京 漢字 привет мир 🍍 🦊 ✨ → …".split()


def repeating(rng):
    part = "".join(rng.choice(LETTERS + "0123456789") for _ in range(rng.randint(1, 3)))
    return part * rng.randint(2, 3) + rng.choice(["", rng.choice(LETTERS)])


VOCABULARY = pathlib.Path(__file__).resolve().parents[1] / "model" / "tokenizer.json"


@functools.cache
def pieces():
    """The tokenizer's own lower-case tokens."""
    vocabulary = json.loads(VOCABULARY.read_text(encoding="utf8"))["model"]["vocab"]
    return sorted(token for token in vocabulary if token.isascii() and token.isalpha() and token.islower())


def composed(rng):
    """Random tokens: the model must learn to copy any token after any other, or it cannot copy unknown words."""
    if not VOCABULARY.exists():
        return invented(rng)  # tokenizer.py has not written it yet
    return "".join(rng.choice(pieces()) for _ in range(rng.randint(2, 4)))


def plain_word(rng):
    """A known, common or invented word, or random letters, digits or tokens."""
    kind = rng.random()
    if kind < 0.18:
        word = rng.choice(NOUNS)
    elif kind < 0.30:
        word = rng.choice(COMMON)
    elif kind < 0.46:
        word = invented(rng)
    elif kind < 0.74:
        word = composed(rng)
    elif kind < 0.80:
        word = random_letters(rng)
    elif kind < 0.87:
        word = alphanumeric(rng)
    elif kind < 0.92:
        word = number(rng)
    elif kind < 0.985:
        word = repeating(rng)
    else:
        word = rng.choice(FOREIGN)
    style = rng.random()
    if style < 0.12:
        return word.capitalize()
    if style < 0.16:
        return word.upper()
    return word


def word(rng):
    """A word to copy, or a compound of words."""
    kind = rng.random()
    if kind < 0.85:
        return plain_word(rng)
    joint = rng.choice(["_", "-", "_", "."])
    return joint.join(plain_word(rng).lower() for _ in range(rng.randint(2, 3)))


def phrase(rng, low=1, high=5):
    return " ".join(word(rng) for _ in range(rng.randint(low, high)))


def name(rng):
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NOUNS + COMMON)
    if kind < 0.6:
        return invented(rng)
    if kind < 0.85:
        return composed(rng)
    return rng.choice([alphanumeric, random_letters])(rng)


def code(rng):
    """A line of a text or source file."""
    a, b, n = name(rng), plain_word(rng), rng.randint(0, 99)
    return rng.choice([
        f"{a} = {n}", f'{a}="{b}"', f"print({n})", f'print("{b}")', f"print('{b}')", f"console.log('{b}')", f"# {phrase(rng, 1, 4)}",
        f"- {phrase(rng, 1, 4)}", f'{{"{a}": {n}}}', f'{{"{a}": "{b}"}}', f"{a}: {b}", f"import {a}", f"export const {a} = {n}",
        f"const {a} = {n};", f"let {a} = '{b}'", f"def {a}(): return {n}", f"// {phrase(rng, 1, 4)}", f"#!/bin/{a}", f"{a}({n}, {b})",
        f"{a},{b},{n}", f"{a}\t{n}", f"return {a} + {n}", f"* {b}", f"{n}. {phrase(rng, 1, 3)}", f"{a}: {n}%", f"[{a}] {b}",
        f"{b}, {a} and {name(rng)}.", f"{phrase(rng, 2, 5).capitalize()}.", f"<{a}>{b}</{a}>", f"{a} -> {b}", f"{a}/{b}: {n}",
    ])  # fmt: skip


def flag(rng):
    return rng.choice(["-" + rng.choice(LETTERS), "--" + name(rng), f"--{name(rng)}={plain_word(rng)}", f"--{name(rng)}-{name(rng)}"])


EXTENSIONS = "txt md py js ts json csv log sh toml yaml html c cpp h rs go mjs lock ini xml sql".split()


def file_name(rng):
    stem = name(rng) if rng.random() < 0.75 else name(rng) + rng.choice("_-") + name(rng)
    if rng.random() < 0.12:
        stem += str(rng.randint(0, 99))
    return stem + "." + rng.choice(EXTENSIONS if rng.random() < 0.6 else ["txt", "md"])


def folder(rng):
    root = rng.choice(["/tmp", "/home/" + name(rng), "/work", "/var/" + name(rng), "src", "docs", ".", "/root", "/data",
                       "/tmp/" + name(rng) + "-" + alphanumeric(rng), "/tmp/" + random_letters(rng).capitalize()])
    return "/".join([root] + [name(rng) for _ in range(rng.choice([0, 0, 1, 1, 2]))])


def path(rng):
    return file_name(rng) if rng.random() < 0.2 else folder(rng) + "/" + file_name(rng)
