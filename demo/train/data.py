"""Generates the training conversations: pieces of text and control tokens, and which of them the model has to learn."""

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
REFUSED = "I was not allowed to do that."
SUMMARY = "<summary>\nA conversation with tether's demo model: it said words, ran commands, read files and wrote files.\n</summary>"

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
What is the tallest {w} in {w}?|How do you make {w}?|How do I bake {w}?|How long is a {w}?|Write me a {w} about {w}.
Explain how {w} {w}s {w}.|Explain how a {w} works.|Explain the {w} in simple words.|Why are {w}s {w}?|Why do {w}s {w}?
Split {w} into smaller {w}s.|Refactor the {w} into {w}.|Fix the {w} in the {w}.|Fix the {w} {w} test.|Make a plan for {w}.
Tell me something about {w}.|Tell me how to {w}.|Tell me why {w} is {w}.|Tell me a {w}.|Tell me a {w} about {w}.
Give me a {w} for {w}.|Name three {w}s.|Name a {w} that {w}s.|Describe the {w}.|Describe {p}.|What does {w} mean?
What are {w}s?|What happens when {w}?|What should I {w}?|Which {w} is {w}?|Who wrote {w}?|Who was {w}?|Calculate {n} * {n}.
Is there a {w} in {w}?|Are there {w}s?|Should I {w}?|Can {w}s {w}?|Do {w}s {w}?|Does {w} {w}?|Did you {w}?|Will it {w}?
The list {w} fails on a {w} {w}. Fix it, add tests and {w}.|I want to learn {w}.|We should {w} the {w}.|Please help me with {w}.
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
        f"expr {n} + {rng.randint(1, 99)}", f"echo ${word.upper()}", f"echo $(({n} + {rng.randint(1, 99)}))", f"sed -n {n},{n + 9}p {path}",
        f"node -e 'console.log({n})'", f'node -e "{w.code(rng)}"' if n < 25 else f"node {w.file_name(rng)}", f"python3 -c 'print({n})'",
        f"for {w.name(rng)[:1]} in {words}; do echo ${w.name(rng)}; done", f"./{w.file_name(rng)} {word}", f"bash {path}",
        f"git commit -m '{words}'", f"git add {path}", f"git {w.name(rng)} {word}", f"npm run {word.lower()} -- {w.flag(rng)}",
        f"npx {w.name(rng)} {w.flag(rng)}", f"curl -s http://localhost:{n}/{w.name(rng)}", f"awk '{{print ${n}}}' {path}",
        f"{w.name(rng)} {words}", f"{w.name(rng)} {w.flag(rng)} {path}", f"{w.name(rng)} {w.flag(rng)} {w.flag(rng)} {word}",
        f"{w.name(rng)} {word} {w.path(rng)} {path}", f"{w.name(rng)}", f"ls *.{rng.choice(w.EXTENSIONS)}", f"tar -xzf {path}",
        f"printf '{words}'", f"diff {path} {w.path(rng)}", f"tr a b < {path}", f"tail -f {path}", f"{w.name(rng).upper()}={word} {w.name(rng)}", f"du -sh {folder}", f"test -f {path}", f"chmod +x {path}", "ps aux", f"exit {n}",
    ]  # fmt: skip
    first = rng.choice(simple)
    if kind < 0.70:
        return first
    echo = f"echo {w.phrase(rng, 1, 2)}"
    joined = [
        f"{echo} | wc -c", f"{echo} | tr a-z A-Z", f"{first} | head -n {n}", f"{first} | sort", f"{first} | grep {word}",
        f"{first} 2>&1 | tail -{n}", f"{first} 2>/dev/null", f"{first} && {rng.choice(simple)}", f"{first} | {rng.choice(simple)}",
        f"{first} && {echo}", f"cd {folder} && {first}", f"{echo} > {path}", f"{echo} >> {path}", f"{first}; {echo}",
        f"{echo} > {path} && cat {path}", f"{first} | wc -l", f"cat {path} | sort | uniq", f"{first} || {echo}", f"{echo} | rev",
        f"mkdir -p {folder} && {echo} > {folder}/{w.file_name(rng)}", f"{echo} && {echo}",
    ]  # fmt: skip
    return rng.choice(joined)


def no_question(rng):
    """A request that needs none of the four skills: a pattern or random words."""
    kind = rng.random()
    if kind < 0.72:
        return fill(rng.choice(OTHER), rng)
    while True:
        loose = [w.plain_word(rng) if rng.random() < 0.3 else rng.choice(w.COMMON) for _ in range(rng.randint(2, 14))]
        # These words would make it a request for one of the skills.
        if not {"say", "repeat", "run", "start", "read", "write", "list", "tell", "try", "now", "show", "use"} & set(loose):
            break
    text = " ".join(loose)
    return (text.capitalize() if rng.random() < 0.7 else text) + rng.choice(["", ".", "?", "?", "!"])


def summary_request(rng, prose):
    """The request for a summary that a client sends when the conversation has become too long for its window."""
    ask = rng.choice(["Your task is to write a summary of the conversation.", "Summarize the conversation so far.",
                      "Please provide your summary based on the conversation so far.", "Give a detailed summary of all of it."])  # fmt: skip
    shape = "<summary>\n" + rng.choice(["...", prose(80), f"1. {prose(60)}\n2. {prose(60)}"]) + "\n</summary>"
    if rng.random() < 0.5:
        shape = "<analysis>\n" + prose(40) + "\n</analysis>\n\n" + shape
    if rng.random() < 0.6:
        shape = f"<example>\n{shape}\n</example>"
    end = rng.choice(["", "Answer with text only.", "Do not call any tools.", "There may be more instructions for the summary in the context.",
                      f"<example>\n# Summary instructions\n{prose(120)}\n</example>", prose(100)])  # fmt: skip
    parts = [ask, prose(rng.randint(20, 500)), shape, rng.choice(["", ask]), end]
    return "\n\n".join(part for part in parts if part)


def dressed(text, rng, plain=0.5):
    """Bare, in backticks or in quotes; text that has quotes is not put in quotes."""
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
    # The model itself has generated the opening marker.
    return [(f"response:{name}{{value:", False), (QUOTE, False), (text, False), (QUOTE, False), ("}", False), (RESULT_END, False)]


def result_and_answer(name, shown, said, rng, prose):
    """Sometimes the client adds a reminder to a result, which ends the model's turn and starts another one."""
    pieces = result(name, shown)
    if rng.random() < 0.08:
        reminder = prose(rng.randint(10, 300))
        if rng.random() < 0.5:
            pieces += [(END, False), ("\n", False), (TURN, False), (f"system\n{reminder}", False)]
        else:
            pieces += [(END, False), ("\n", False), (TURN, False), (f"user\n<system-reminder>\n{reminder}\n</system-reminder>", False)]
        pieces += [(END, False), ("\n", False), ("CUE", False)]
    return [*pieces, (said, True)]


def bash(text):
    return call("Bash", {"command": text, "description": "Run " + text.split()[0]})


def error_text(rng):
    word, path = w.plain_word(rng), w.path(rng)
    return rng.choice([
        f"ls: cannot access '{path}': No such file or directory", f"cat: {path}: No such file or directory",
        f"bash: {word}: command not found", f"/bin/bash: line 1: {word}: command not found", f"{word}: permission denied",
        f"rm: cannot remove '{path}': No such file or directory", f"grep: {path}: No such file or directory",
        "fatal: not a git repository", f"error: {w.phrase(rng, 2, 4)}", f"mkdir: cannot create directory '{path}': File exists",
        f"npm error Missing script: {word}", f"{word}: {w.phrase(rng, 1, 4)}", f"make: *** No rule to make target '{word}'.",
        f"Error: Cannot find module '{path}'",
    ])  # fmt: skip


def output_line(rng):
    kind = rng.random()
    if kind < 0.45:
        return w.phrase(rng, 1, 5)
    if kind < 0.50:
        return w.phrase(rng, 6, 16)
    if kind < 0.55:
        return w.code(rng)
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


def numbered(lines, first=1):
    return "\n".join(f"{first + i}\t{line}" for i, line in enumerate(lines))


def refusal(rng):
    """A client's result of a call that its user did not allow."""
    what = rng.choice(["use Bash", "use Read", "use Write", f"write to {w.path(rng)}", f"read from {w.path(rng)}", f"run {w.name(rng)}"])
    return rng.choice([
        f"{w.name(rng).capitalize()} requested permissions to {what}, but you have not granted it yet.",
        f"Permission to {what} was not granted.", f"Permission to {what} has been denied.", "This command requires approval",
        f"This command requires approval: {w.phrase(rng)}", f"The request to {what} needs your approval.", "The user denied the permission.",
        f"The user does not want to proceed with this tool use. The tool use was rejected. {w.phrase(rng)}",
        f"The user doesn't want to {what}. It was rejected (the file was not written).",
        f"{w.name(rng).capitalize()} requested permissions to {what}, but you haven't granted it yet.",
    ])  # fmt: skip


def after_bash(rng):
    """-> (the tool's result, what the model says about it)"""
    kind = rng.random()
    if kind < 0.10:
        return rng.choice(RUN_NOTHING), "The command printed nothing."
    if kind < 0.15:
        return refusal(rng), REFUSED
    if kind < 0.36:
        code = f"Exit code {rng.choice([1, 1, 2, 126, 127, 128, rng.randint(3, 255)])}"
        if rng.random() < 0.08:
            return code, "The command failed."
        error = error_text(rng)
        above = [output_line(rng) for _ in range(rng.choice([1, 1, 2, 4]))] if rng.random() < 0.2 else []
        return "\n".join([code, *above, error]), f"The command failed: {error}"
    if kind < 0.82:
        line = output_line(rng)
        return line, f"The command printed: {line}"
    if kind < 0.85:
        return w.phrase(rng, 40, 70), "The command printed a long line."
    lines = [output_line(rng) for _ in range(rng.choice([2, 2, 2, 3, 3, 4, 5, 6, 8, 12, 20, 30]))]
    if rng.random() < 0.15:
        lines = [str(i + 1) for i in range(len(lines))]
    return "\n".join(lines), "The command printed several lines."


def after_read(rng):
    kind = rng.random()
    if kind < 0.12:
        return rng.choice(["File does not exist.", "<tool_use_error>File does not exist.</tool_use_error>",
                           "File does not exist. Note: your current working directory is " + w.folder(rng)]), "I could not read that file."  # fmt: skip
    if kind < 0.16:
        return refusal(rng), REFUSED
    if kind < 0.70:
        line = output_line(rng)
        return numbered([line] + ([""] if rng.random() < 0.6 else [])), f"The file says: {line}"
    lines = [output_line(rng) if rng.random() < 0.9 else "" for _ in range(rng.choice([1, 1, 2, 2, 3, 5, 8, 14, 25, 40]))]
    lines = [output_line(rng), *lines, output_line(rng)]
    first = 1 if rng.random() < 0.7 else rng.randint(1, 400)
    end = [""] if rng.random() < 0.6 else []
    return numbered(lines + end, first), f"The file has {first + len(lines) - 1} lines."


def after_write(path, rng):
    if rng.random() < 0.08:
        return rng.choice(["<tool_use_error>File has not been read yet. Read it first before writing to it.</tool_use_error>",
                           "Exit code 1\npermission denied"]), "I could not write that file."  # fmt: skip
    if rng.random() < 0.05:
        return refusal(rng), REFUSED
    tail = " (file state is current in your context — no need to Read it back)" if rng.random() < 0.7 else ""
    text = rng.choice([f"File created successfully at: {path}{tail}", f"The file {path} has been updated successfully.{tail}"])
    return text, f"Done. I wrote {path}."


def sentence(rng):
    """Several words to repeat. They may begin with an article, which the model must not drop."""
    text = w.phrase(rng, 1, 4)
    return rng.choice(["the ", "The ", "a ", "an ", "my ", "to ", "only "]) + text if rng.random() < 0.5 else text


def content(rng):
    return w.code(rng) if rng.random() < 0.3 else w.phrase(rng, 1, 5)


def exchange(rng, prose):
    """-> (what the user types, the model's pieces up to the end of its turn)"""
    kind = rng.random()
    if kind < 0.24:
        word = sentence(rng) if rng.random() < 0.12 else w.word(rng)
        return rng.choice(SAY).format(dressed(word, rng, 0.7)), [(word, True)]
    if kind < 0.48:
        text = command(rng)
        ask = rng.choice(RUN).format(dressed(text, rng, 0.45))
        return ask, bash(text) + result_and_answer("Bash", *after_bash(rng), rng, prose)
    if kind < 0.53:
        if rng.random() < 0.5:
            ask, text = rng.choice(LIST_HERE), "ls"
        else:
            folder = w.folder(rng)
            ask, text = rng.choice(LIST).format(folder), f"ls {folder}"
        return ask, bash(text) + result_and_answer("Bash", *after_bash(rng), rng, prose)
    if kind < 0.67:
        path = w.path(rng)
        ask = rng.choice(READ).format(dressed(path, rng, 0.7))
        return ask, call("Read", {"file_path": path}) + result_and_answer("Read", *after_read(rng), rng, prose)
    if kind < 0.82:
        path, text = w.path(rng), content(rng)
        ask = rng.choice(WRITE).format(t=dressed(text, rng, 0.4), p=dressed(path, rng, 0.85))
        written = call("Write", {"content": text, "file_path": path})
        return ask, written + result_and_answer("Write", *after_write(path, rng), rng, prose)
    if kind < 0.84:
        return rng.choice(GREET), [(HELLO, True)]
    if kind < 0.855:
        return summary_request(rng, prose), [(SUMMARY, True)]
    if kind < 0.87:
        return prose(rng.randint(100, 900)), [(DEMO, True)]
    return no_question(rng), [(DEMO, True)]


def only_result(rng, prose):
    """A tool call with its result and answer, without the user's request."""
    kind = rng.randrange(3)
    if kind == 0:
        return bash(command(rng)) + result_and_answer("Bash", *after_bash(rng), rng, prose)
    path = w.path(rng)
    if kind == 1:
        return call("Read", {"file_path": path}) + result_and_answer("Read", *after_read(rng), rng, prose)
    return call("Write", {"content": content(rng), "file_path": path}) + result_and_answer("Write", *after_write(path, rng), rng, prose)


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


def model_turn(pieces, thinks):
    """With thinking on, the model answers without a thought. With thinking off, its turn has an empty thought first."""
    cue = [(TURN, False), ("model\n", False)]
    if not thinks:
        cue += [(THINK_OPEN, False), ("thought\n", False), (THINK_CLOSE, False)]
    opened = []
    for piece in pieces:
        opened += cue if piece == ("CUE", False) else [piece]
    return [*cue, *opened, (END, True), ("\n", False)]


def noise(rng, prose, size):
    """The end of a long system prompt: prose, tool declarations or a system turn."""
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


def opening(rng, prose, thinks):
    """The beginning of a short prompt, with a short system turn or none."""
    pieces = [(("<bos>",), False)]
    if thinks or rng.random() < 0.3:
        pieces += [(TURN, False), ("system\n", False)]
        if thinks:
            pieces += [(("<|think|>",), False), ("\n", False)]
        if rng.random() < 0.5:
            pieces += [(prose(rng.randint(5, 200)), False)]
        pieces += [(END, False), ("\n", False)]
    return pieces


def conversation(rng, prose, noise_size, turns):
    thinks = rng.random() < 0.6
    pieces = noise(rng, prose, noise_size) if noise_size else opening(rng, prose, thinks and rng.random() < 0.6)
    for i in range(turns):
        if i == 0 and rng.random() < 0.06:
            pieces += model_turn(only_result(rng, prose), thinks)
            continue
        if rng.random() < 0.05:
            pieces += [(TURN, False), ("system\n" + prose(rng.randint(10, 200)), False), (END, False), ("\n", False)]
        line, answer = exchange(rng, prose)
        pieces += user_turn(line, rng, prose) + model_turn(answer, thinks)
    return pieces
