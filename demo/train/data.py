"""Conversations as the demo model should hold them, made on the fly: text pieces and which of them it has to learn."""

import words as w

# A sequence is a list of (piece, learn): a piece is text, or a control token as a one-element tuple.
TURN, END = ("<|turn>",), ("<turn|>",)
THINK_OPEN, THINK_CLOSE = ("<|channel>",), ("<channel|>",)
CALL, CALL_END = ("<|tool_call>",), ("<tool_call|>",)
RESULT, RESULT_END = ("<|tool_response>",), ("<tool_response|>",)
QUOTE = ('<|"|>',)
TOOL, TOOL_END = ("<|tool>",), ("<tool|>",)

DEMO = "I am tether's demo model. I can only say a word, run a command, read a file or write one."
HELLO = "Hello! I am tether's demo model."

SAY = """Say {}.|Say {}|say {}|Say the word {}.|Please say {}.|please say {}|Repeat {}.|Repeat after me: {}|Just say {}.
Can you say {}?|Could you say {}?|Say exactly {}.|Reply with {}.|Reply with the word {}.|Reply with only {}|Answer with {}.
Answer with the word {}.|Respond with {}.|Respond with only the word {}.|Print the word {}.|Say {} and nothing else.
Output {}|Tell me {}.|Say {} please.|Please repeat the word {}.|Say {}!|I want you to say {}.|Now say {}.|Then say {}
Reply with exactly one word: {}|Say this word: {}|The word is {}. Say it.|Say it: {}|Please reply with just {}.
Could you please say the word {}?|Say only {}.|Now please say {}|Say back {}.|Just the word {}, please.|Say {} to me.
And now say {}.|Reply: {}|Your answer must be {}.|Simply say {}""".replace("\n", "|").split("|")

RUN = """Run {}|Run {}.|Run the command {}|Run the command {}.|Please run {}|Execute {}|Execute the command {}.|run {}
Run {} with Bash|Run {} with the Bash tool.|Use Bash to run {}|Use the Bash tool to run {}.|Use Bash: {}|Run this command: {}
Run this: {}|Can you run {}?|Could you please run {}?|Run {} in the terminal.|In the shell, run {}|Run {} and tell me the output.
Run {} and show me what it prints.|Please execute {} for me.|Run the shell command {}.|Run {} for me|Now run {}
Please use the Bash tool to run the command {}.|Call Bash with {}|Do {} in bash.|What does {} print?|Run {} and report.
Now please run {}.|Start {}|Bash: {}|Run {} once.|Try {}""".replace("\n", "|").split("|")

READ = """Read {}|Read {}.|Read the file {}|Read the file {}.|Please read {}|Show me {}|Show me the file {}.|Open {}
What is in {}?|What does {} say?|What is in the file {}?|Use Read on {}|Use the Read tool on {}.|Read {} and tell me what it says.
Can you read {}?|Please read the file at {}.|Read {} for me.|Look at {}|Look into the file {}.|Tell me what {} says.
Print the file {}.|Display {}|Now read {}|Read the contents of {}.|Could you open {} and read it?|Read file {}""".replace(
    "\n", "|"
).split("|")

WRITE = """Write {t} to {p}|Write {t} to {p}.|Write {t} to the file {p}.|Write {t} into {p}|Write {t} into the file {p}.
Create a file {p} with the content {t}|Create a file {p} with the text {t}.|Create {p} containing {t}|Create {p} with {t}
Create the file {p} with the content {t}.|Save {t} to {p}|Save {t} in {p}.|Save the text {t} to {p}.|Put {t} in {p}
Put {t} into the file {p}.|Make a file {p} that says {t}|Make a file {p} with {t}.|Please write {t} to {p}.
Use the Write tool to write {t} to {p}.|Use Write to put {t} in {p}|Write the text {t} to {p}|Write the word {t} to {p}.
Create a new file {p} that contains {t}.|Now write {t} to {p}.|Can you write {t} to {p}?|Store {t} in {p}.""".replace(
    "\n", "|"
).split("|")

LIST_HERE = """List the files|List the files.|List files|ls|Which files are here?|What files are here?|Show me the files
List the files here.|List the current directory|Show the files in this folder.|What is in this folder?|Please list the files.
What files are in this directory?|List everything here""".replace("\n", "|").split("|")

LIST = """List the files in {}|List {}|Show me the files in {}.|What files are in {}?|Which files are in {}?|List the folder {}
Please list the files in {}.|What is in the folder {}?|Show the directory {}|List the directory {}.""".replace("\n", "|").split("|")

GREET = "Hi|Hello|Hello!|hi|hey|Hey there|Good morning|Hi!|hello there|Good evening.|Hello, how are you?|Hi tether".split("|")

OTHER = """Who are you?|What are you?|What can you do?|What is your name?|Help|help|Help me.|Explain {w}.|Explain what {w} means.
What is {w}?|What is the capital of {w}?|What is {n} plus {n}?|How much is {n} times {n}?|Why is the {w} {w}?|Tell me a joke.
Tell me about {w}.|Tell me a story about a {w}.|Fix the bug in {p}.|Fix the {w}.|Fix the failing test.|Refactor {p}.
Refactor the {w} module.|Add a test for {w}.|Add tests.|Add a {w} to the {w}.|Implement {w}.|Implement a {w} for the {w}.
How do I {w} a {w}?|How does {w} work?|Translate {w} to {w}.|Translate this to French.|Summarize {w}.|Summarize this project.
What does this project do?|Review my code.|Review the changes.|Find the bug.|Find all uses of {w}.|Why does {w} fail?
Make the tests pass.|Make it faster.|Optimize {w}.|Document the {w} function.|Write a poem about {w}.|Write a function that {w}s.
Write documentation for {w}.|Write some tests for the {w}.|Design a {w}.|Plan the {w}.|Can you help me?|Can you code?
Can you fix {w}?|Could you explain {w}?|Do you like {w}?|Do you know {w}?|Are you {w}?|Are you a human?|Is {w} a {w}?
Is this right?|Which is better, {w} or {w}?|Who is {w}?|Who made you?|Where is {w}?|When is {w}?|How old are you?
How many {w}s are there?|Compare {w} and {w}.|Give me an example of {w}.|Give me five ideas.|Suggest a name for a {w}.
Rename {w} to {w}.|Remove the {w}.|Delete the old {w}.|Update the {w}.|Upgrade {w} to version {n}.|Migrate {w} to {w}.
Deploy the {w}.|Commit the changes.|Create a pull request.|Merge the branch {w}.|Rebase onto {w}.|Debug {p}.|Debug the {w}.
I think {w} is wrong.|I like {w}.|I need a {w}.|My {w} does not work.|The {w} is broken.|There is a {w} in the {w}.
Thanks|Thank you!|ok|yes|no|why?|Continue|Go on.|What now?|What is the weather like?|What time is it in {w}?
Sort these numbers: {n} {n} {n}|Solve {n} + {n}.|Think about {w}.|Imagine a {w}.|Let us {w}.|Convert {n} to {w}.
Clean up {p}.|Set up {w}.|Improve the {w}.|Change the {w} to {w}.|Search the web for {w}.|Recommend a {w}.""".replace("\n", "|").split("|")

RUN_NOTHING = ["(Bash completed with no output)", "(no output)", ""]


def fill(pattern, rng):
    while "{w}" in pattern:
        pattern = pattern.replace("{w}", w.plain_word(rng).lower(), 1)
    while "{n}" in pattern:
        pattern = pattern.replace("{n}", w.number(rng), 1)
    return pattern.replace("{p}", w.path(rng))


def command(rng):
    """A shell command of the kinds people try first."""
    word, words, path, folder = w.word(rng), w.phrase(rng, 1, 4), w.path(rng), w.folder(rng)
    n = rng.randint(1, 50)
    kind = rng.random()
    if kind < 0.32:
        return rng.choice([f"echo {words}", f"echo {word}", f'echo "{words}"', f"echo '{words}'", f"echo {word}"])
    simple = [
        f"ls {folder}", f"ls -la {folder}", f"ls -l {path}", "ls -la", "ls -a", f"cat {path}", f"head -n {n} {path}",
        f"tail -n {n} {path}", f"head -{n} {path}", f"wc -l {path}", f"wc -c {path}", "pwd", "date", "whoami", "hostname",
        "uname -a", "uname", "id", f"mkdir {folder}", f"mkdir -p {folder}", f"touch {path}", f"rm {path}", f"rm -f {path}",
        f"cp {path} {w.path(rng)}", f"mv {path} {w.path(rng)}", f"grep {word} {path}", f"grep -n {word} {path}",
        f"grep -r {word} {folder}", f"find {folder} -name {w.file_name(rng)}", f"find . -name '*.{rng.choice(w.EXTENSIONS)}'",
        f"seq 1 {n}", f"seq {n}", f"sleep {n}", "git status", "git log --oneline", f"git log -{n}", "git diff", "git branch",
        f"git checkout {word}", "node --version", "node -v", "python3 --version", f"python3 {w.file_name(rng)}", "npm test",
        f"npm run {word.lower()}", "make", f"make {word.lower()}", f"printf {word}", "df -h", "free -m", "uptime", "env", "true",
        "false", f"which {word.lower()}", f"stat {path}", f"file {path}", f"sort {path}", f"basename {path}", f"dirname {path}",
        f"expr {n} + {rng.randint(1, 99)}", f"du -sh {folder}", f"test -f {path}", f"chmod +x {path}", "ps aux", f"exit {n}",
    ]  # fmt: skip
    first = rng.choice(simple)
    if kind < 0.70:
        return first
    echo = f"echo {w.phrase(rng, 1, 2)}"
    joined = [
        f"{echo} | wc -c", f"{echo} | tr a-z A-Z", f"{first} | head -n {n}", f"{first} | sort", f"{first} | grep {word}",
        f"{first} && {echo}", f"cd {folder} && {first}", f"{echo} > {path}", f"{echo} >> {path}", f"{first}; {echo}",
        f"{echo} > {path} && cat {path}", f"{first} | wc -l", f"cat {path} | sort | uniq", f"{first} || {echo}", f"{echo} | rev",
        f"mkdir -p {folder} && {echo} > {folder}/{w.file_name(rng)}", f"{echo} && {echo}",
    ]  # fmt: skip
    return rng.choice(joined)


def dressed(text, rng, plain=0.5):
    """Bare, in backticks or in quotes; text with quotes of its own is never quoted again."""
    if rng.random() < plain:
        return text
    marks = ["`", "`", "`"] if any(mark in text for mark in "\"'") else ["`", '"', "'"]
    mark = rng.choice(marks)
    return mark + text + mark


def call(name, arguments):
    pieces = [(CALL, True), (f"call:{name}{{", True)]
    for i, (key, value) in enumerate(sorted(arguments.items())):
        pieces += [(("," if i else "") + key + ":", True), (QUOTE, True), (value, True), (QUOTE, True)]
    return pieces + [("}", True), (CALL_END, True), (RESULT, True)]


def result(name, text):
    # The opening marker was the model's own last token.
    return [(f"response:{name}{{value:", False), (QUOTE, False), (text, False), (QUOTE, False), ("}", False), (RESULT_END, False)]


def bash(text):
    return call("Bash", {"command": text, "description": "Run " + text.split()[0]})


def error_text(rng):
    word, path = w.plain_word(rng), w.path(rng)
    return rng.choice([
        f"ls: cannot access '{path}': No such file or directory", f"cat: {path}: No such file or directory",
        f"bash: {word}: command not found", f"/bin/bash: line 1: {word}: command not found", f"{word}: permission denied",
        f"rm: cannot remove '{path}': No such file or directory", f"grep: {path}: No such file or directory",
        f"fatal: not a git repository", f"error: {w.phrase(rng, 2, 4)}", f"mkdir: cannot create directory '{path}': File exists",
        f"npm error Missing script: {word}", f"{word}: {w.phrase(rng, 1, 4)}", f"make: *** No rule to make target '{word}'.",
        f"Error: Cannot find module '{path}'",
    ])  # fmt: skip


def output_line(rng):
    kind = rng.random()
    if kind < 0.55:
        return w.phrase(rng, 1, 5)
    if kind < 0.7:
        return w.path(rng)
    if kind < 0.8:
        return w.number(rng)
    return rng.choice([
        f"{w.number(rng)} {w.path(rng)}", f"v{rng.randint(0, 30)}.{rng.randint(0, 30)}.{rng.randint(0, 30)}",
        f"On branch {w.plain_word(rng)}", f"{w.plain_word(rng)}: {w.phrase(rng)}", w.folder(rng), w.file_name(rng),
        f"Python 3.{rng.randint(8, 14)}.{rng.randint(0, 9)}", f"Linux {w.plain_word(rng)} {rng.randint(4, 7)}.{rng.randint(0, 20)}",
        f"drwxr-xr-x {rng.randint(1, 9)} {w.name(rng)} {w.name(rng)} {rng.randint(0, 9999)} {w.name(rng)}",
    ])  # fmt: skip


def numbered(lines):
    return "\n".join(f"{i + 1}\t{line}" for i, line in enumerate(lines))


def after_bash(rng):
    """(what the tool gave back, what the model says of it)"""
    kind = rng.random()
    if kind < 0.10:
        return rng.choice(RUN_NOTHING), "The command printed nothing."
    if kind < 0.30:
        error = error_text(rng)
        above = [w.phrase(rng, 1, 4)] if rng.random() < 0.15 else []
        return "\n".join([f"Exit code {rng.choice([1, 1, 2, 127, 128])}", *above, error]), f"The command failed: {error}"
    if kind < 0.82:
        line = output_line(rng)
        return line, f"The command printed: {line}"
    lines = [output_line(rng) for _ in range(rng.choice([2, 3, 4, 5, 6, 8, 12]))]
    if rng.random() < 0.2:
        lines = [str(i + 1) for i in range(len(lines))]
    return "\n".join(lines), f"The command printed {len(lines) if len(lines) < 4 else 'several'} lines."


def after_read(rng):
    kind = rng.random()
    if kind < 0.12:
        return rng.choice(["File does not exist.", "<tool_use_error>File does not exist.</tool_use_error>",
                           "File does not exist. Note: your current working directory is " + w.folder(rng)]), "I could not read that file."  # fmt: skip
    if kind < 0.70:
        line = output_line(rng)
        return numbered([line] + ([""] if rng.random() < 0.6 else [])), f"The file says: {line}"
    lines = [output_line(rng) for _ in range(rng.choice([2, 3, 4, 6, 9]))]
    return numbered(lines), f"The file begins: {lines[0]}"


def after_write(path, rng):
    if rng.random() < 0.08:
        return rng.choice(["<tool_use_error>File has not been read yet. Read it first before writing to it.</tool_use_error>",
                           "Exit code 1\npermission denied"]), "I could not write that file."  # fmt: skip
    tail = " (file state is current in your context — no need to Read it back)" if rng.random() < 0.7 else ""
    text = rng.choice([f"File created successfully at: {path}{tail}", f"The file {path} has been updated successfully.{tail}"])
    return text, f"Done. I wrote {path}."


def exchange(rng):
    """-> (what the user types, the model's pieces up to the end of its turn)"""
    kind = rng.random()
    if kind < 0.24:
        word = w.phrase(rng, 2, 3) if rng.random() < 0.08 else w.word(rng)
        return rng.choice(SAY).format(dressed(word, rng, 0.7)), [(word, True)]
    if kind < 0.50:
        text = command(rng)
        shown, said = after_bash(rng)
        ask = rng.choice(RUN).format(dressed(text, rng, 0.45))
        return ask, bash(text) + result("Bash", shown) + [(said, True)]
    if kind < 0.56:
        if rng.random() < 0.5:
            ask, text = rng.choice(LIST_HERE), "ls"
        else:
            folder = w.folder(rng)
            ask, text = rng.choice(LIST).format(folder), f"ls {folder}"
        shown, said = after_bash(rng)
        return ask, bash(text) + result("Bash", shown) + [(said, True)]
    if kind < 0.70:
        path = w.path(rng)
        shown, said = after_read(rng)
        ask = rng.choice(READ).format(dressed(path, rng, 0.7))
        return ask, call("Read", {"file_path": path}) + result("Read", shown) + [(said, True)]
    if kind < 0.84:
        path, text = w.path(rng), w.phrase(rng, 1, 5)
        shown, said = after_write(path, rng)
        ask = rng.choice(WRITE).format(t=dressed(text, rng, 0.4), p=dressed(path, rng, 0.85))
        return ask, call("Write", {"content": text, "file_path": path}) + result("Write", shown) + [(said, True)]
    if kind < 0.86:
        return rng.choice(GREET), [(HELLO, True)]
    return fill(rng.choice(OTHER), rng), [(DEMO, True)]


def only_result(rng):
    """A tool result whose user line has scrolled out of sight."""
    kind = rng.randrange(3)
    if kind == 0:
        shown, said = after_bash(rng)
        return bash(command(rng)) + result("Bash", shown) + [(said, True)]
    path = w.path(rng)
    if kind == 1:
        shown, said = after_read(rng)
        return call("Read", {"file_path": path}) + result("Read", shown) + [(said, True)]
    shown, said = after_write(path, rng)
    return call("Write", {"content": w.phrase(rng), "file_path": path}) + result("Write", shown) + [(said, True)]


def reminders(rng, prose):
    blocks = []
    for _ in range(rng.choice([0, 0, 1, 2, 2])):
        inside = prose(rng.randint(10, 400))
        blocks.append(f"<system-reminder>\n{inside}\n</system-reminder>" + rng.choice(["", "\n"]))
    return blocks


def user_turn(line, rng, prose):
    text = ""
    for block in [*reminders(rng, prose), line]:
        text += ("\n" if text and not text.endswith("\n") else "") + block
    return [(TURN, False), ("user\n" + text, False), (END, False), ("\n", False)]


def model_turn(pieces, rng, thinks):
    cue = [] if thinks else [(THINK_OPEN, False), ("thought\n", False), (THINK_CLOSE, False)]
    return [(TURN, False), ("model\n", False), *cue, *pieces, (END, True), ("\n", False)]


def noise(rng, prose, size):
    """The end of a long system prompt: prose, or tool declarations, or a system turn."""
    if rng.random() < 0.4:
        pieces = [(prose(size), False)]
    elif rng.random() < 0.5:
        pieces = []
        for _ in range(rng.randint(1, 3)):
            name = w.name(rng).capitalize()
            pieces += [(TOOL, False), (f"declaration:{name}{{description:", False), (QUOTE, False), (prose(size // 3), False),
                       (QUOTE, False), ("}", False), (TOOL_END, False)]  # fmt: skip
    else:
        pieces = [(TURN, False), ("system\n" + prose(size), False)]
    return [*pieces, (END, False), ("\n", False)]


def conversation(rng, prose, noise_size, turns):
    thinks = rng.random() < 0.6
    pieces = []
    if noise_size:
        pieces = noise(rng, prose, noise_size)
    else:
        pieces = [(("<bos>",), False)]
    for i in range(turns):
        if i == 0 and rng.random() < 0.06:
            pieces += model_turn(only_result(rng), rng, thinks)
            continue
        if rng.random() < 0.05:
            pieces += [(TURN, False), ("system\n" + prose(rng.randint(10, 200)), False), (END, False), ("\n", False)]
        line, answer = exchange(rng)
        pieces += user_turn(line, rng, prose) + model_turn(answer, rng, thinks)
    return pieces
