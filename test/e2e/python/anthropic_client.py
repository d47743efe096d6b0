"""Anthropic's own Python client against the demo model, scripted where an answer has to be exact."""

import asyncio

import anthropic
from play import BASH, call, endless, play, raises, until_idle
from pydantic import BaseModel

TOOL = {"name": "Bash", "description": "Runs a command", "input_schema": BASH}
THINK = {"type": "enabled", "budget_tokens": 1024}
ODD = 'é漢🍍 "quoted" \\ and\ttabs'


def client(url, key):
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)


def ask(text, **more):
    return {"model": "any", "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


def shape(message):
    """What a message says, without ids and signatures, which differ each time."""
    return [block.model_dump(exclude={"id", "signature", "parsed_output"}) for block in message.content]


def test_gets_a_whole_answer(url, key):
    message = client(url, key).messages.create(**ask("Say pineapple."))
    assert message.content[0].text == "pineapple"
    assert (message.type, message.role, message.model) == ("message", "assistant", "any")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_streams_text_as_it_comes(url, key):
    with client(url, key).messages.stream(**ask("Say pineapple.")) as stream:
        assert "".join(stream.text_stream) == "pineapple"
        assert stream.get_final_text() == "pineapple"


def test_streams_thoughts_text_and_parallel_calls_to_the_same_message_as_a_whole_answer(url, key):
    script = play([{"think": "Two are needed."}, "Looking.", call("Bash", command=ODD), call("Bash", command="ls")])
    request = ask(script, tools=[TOOL], thinking=THINK)
    whole = client(url, key).messages.create(**request)
    with client(url, key).messages.stream(**request) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert {"thinking", "text", "input_json", "signature", "message_stop"} <= set(kinds), kinds
    assert shape(streamed) == shape(whole)
    assert [block.type for block in whole.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in whole.content[2:]] == [{"command": ODD}, {"command": "ls"}]
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_yields_the_events_of_a_raw_stream(url, key):
    events = list(client(url, key).messages.create(**ask("Say pineapple."), stream=True))
    assert [events[0].type, events[-2].type, events[-1].type] == ["message_start", "message_delta", "message_stop"]
    assert events[0].message.usage.input_tokens > 0
    assert events[-2].usage.output_tokens > 0


def test_goes_through_a_tool_loop(url, key):
    script = play([call("Bash", command="a"), call("Bash", command="b")], ["Both ran."])
    messages = [{"role": "user", "content": script}]
    first = client(url, key).messages.create(**{**ask(script, tools=[TOOL]), "messages": messages})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": f"ran {block.input['command']}"}
        for block in first.content
    ]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = client(url, key).messages.create(**{**ask(script, tools=[TOOL]), "messages": messages})
    assert second.content[0].text == "Both ran."
    before = first.usage.input_tokens + (first.usage.cache_read_input_tokens or 0)
    assert second.usage.cache_read_input_tokens >= before > 0


def test_runs_tools_by_itself(url, key):
    ran = []

    @anthropic.beta_tool
    def Bash(command: str) -> str:
        """Runs a command"""
        ran.append(command)
        return f"ran {command}"

    script = play([call("Bash", command="a"), call("Bash", command="b")], ["Both ran."])
    last = client(url, key).beta.messages.tool_runner(**ask(script, tools=[Bash])).until_done()
    assert ran == ["a", "b"]
    assert last.content[0].text == "Both ran."


def test_continues_a_conversation_that_the_server_holds(url, key):
    thread = client(url, key).beta.messages.thread(model="any", max_tokens=2000, messages=[], tools=[TOOL])
    first = thread.send({"role": "user", "content": play([call("Bash", command="a")], ["It ran."])})
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "ran a"}
    with thread.stream({"role": "user", "content": [result]}) as stream:
        assert stream.get_final_message().content[0].text == "It ran."
    again = thread.send({"role": "user", "content": "And now?"})
    assert again.content[0].text == "It ran."
    assert again.usage.cache_read_input_tokens > first.usage.input_tokens


def test_has_one_call_where_it_asks_for_no_parallel_ones(url, key):
    script = play([call("Bash", command="a"), call("Bash", command="b")])
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    message = client(url, key).messages.create(**ask(script, tools=[TOOL], tool_choice=choice))
    assert [block.input for block in message.content] == [{"command": "a"}]


def test_parses_an_answer_into_a_model_of_pydantic(url, key):
    class Person(BaseModel):
        name: str
        age: int

    message = client(url, key).messages.parse(**ask(play(['{"name": "Ada", "age": 36}']), output_format=Person))
    assert message.parsed_output == Person(name="Ada", age=36)


def test_stops_at_a_sequence_and_at_max_tokens(url, key):
    message = client(url, key).messages.create(**ask(play(["one two three"]), stop_sequences=["two"]))
    assert (message.content[0].text, message.stop_reason, message.stop_sequence) == ("one ", "stop_sequence", "two")
    message = client(url, key).messages.create(**{**ask(play(["one two three"])), "max_tokens": 2})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


def test_counts_the_tokens_that_usage_reports(url, key):
    request = ask("Say pineapple, and count it.", tools=[TOOL])
    counted = client(url, key).messages.count_tokens(model="any", messages=request["messages"], tools=[TOOL])
    usage = client(url, key).messages.create(**request).usage
    cached, created = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    assert counted.input_tokens == usage.input_tokens + cached + created


def test_shows_the_headers_of_a_raw_response(url, key):
    raw = client(url, key).messages.with_raw_response.create(**ask("Say pineapple."))
    assert raw.headers["request-id"] == raw.headers["x-request-id"] == raw.request_id
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().content[0].text == "pineapple"
    with client(url, key).messages.with_streaming_response.create(**ask("Say pineapple.")) as response:
        assert response.status_code == 200


def test_raises_an_error_that_names_the_field(url, key):
    for stream in (False, True):
        wrong = {**ask("hi"), "max_tokens": 0}
        error = raises(anthropic.BadRequestError, lambda: client(url, key).messages.create(**wrong, stream=stream))
        assert error.body["error"]["type"] == "invalid_request_error"
        assert error.body["error"]["message"].startswith("max_tokens: ")
        assert error.request_id == error.body["request_id"]


def test_raises_an_error_for_a_wrong_key_and_an_unknown_model(url, key):
    raises(anthropic.AuthenticationError, lambda: client(url, "wrong").messages.create(**ask("hi")))
    raises(anthropic.NotFoundError, lambda: client(url, key).models.retrieve("no/such"))


def test_raises_an_error_for_a_prompt_that_is_too_long(url, key):
    long = "kettle harbor " * 40_000
    error = raises(anthropic.BadRequestError, lambda: client(url, key).messages.create(**ask(long)))
    assert "prompt is too long: " in error.message


def test_ends_the_generation_when_it_leaves_a_stream(url, key):
    with client(url, key).messages.stream(**ask(endless())) as stream:
        for text in stream.text_stream:
            assert "kettle".startswith(text.strip()[:6])
            break
    until_idle(url, key)


def test_asks_eight_at_once_and_gets_each_its_own_answer(url, key):
    words = ["pineapple", "walrus", "lantern", "copper", "saxophone", "tundra", "harbor", "kettle"]

    async def all_of_them():
        async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as shared:

            async def streamed(word):
                async with shared.messages.stream(**ask(play([f"This is {word}."]))) as stream:
                    return (await stream.get_final_message()).content[0].text

            return await asyncio.gather(*map(streamed, words))

    assert asyncio.run(all_of_them()) == [f"This is {word}." for word in words]


def test_lists_the_model(url, key):
    models = list(client(url, key).models.list())
    assert [model.type for model in models] == ["model"]
    assert client(url, key).models.retrieve(models[0].id).id == models[0].id
