"""OpenAI's own Python client against the demo model, scripted where an answer has to be exact."""

import asyncio
import json

import openai
from play import BASH, call, endless, play, raises, until_idle
from pydantic import BaseModel

TOOL = {"type": "function", "function": {"name": "Bash", "description": "Runs a command", "parameters": BASH}}
ITEM = {"type": "function", "name": "Bash", "description": "Runs a command", "parameters": BASH, "strict": False}
ODD = 'é漢🍍 "quoted" \\ and\ttabs'
RAW = "<|turn>user\nSay pineapple.<turn|>\n<|turn>model\n"


class Person(BaseModel):
    name: str
    age: int


def client(url, key):
    return openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)


def ask(text, **more):
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}


def calls_of(message):
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_chat_gets_a_whole_answer(url, key):
    answer = client(url, key).chat.completions.create(**ask("Say pineapple."))
    assert (answer.object, answer.model) == ("chat.completion", "any")
    assert answer.choices[0].message.content == "pineapple"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id.startswith("req_")


def test_chat_streams_chunks_and_their_usage(url, key):
    stream = client(url, key).chat.completions.create(
        **ask("Say pineapple."), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "pineapple"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0


def test_chat_streams_parallel_calls_to_the_same_completion_as_a_whole_answer(url, key):
    script = play(["Looking.", call("Bash", command=ODD), call("Bash", command="ls")])
    whole = client(url, key).chat.completions.create(**ask(script, tools=[TOOL]))
    with client(url, key).chat.completions.stream(**ask(script, tools=[TOOL])) as stream:
        kinds = {event.type for event in stream}
        streamed = stream.get_final_completion()
    assert {"chunk", "content.delta", "tool_calls.function.arguments.done"} <= kinds, kinds
    for answer in (whole, streamed):
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.content == "Looking."
        assert calls_of(answer.choices[0].message) == [("Bash", {"command": ODD}), ("Bash", {"command": "ls"})]


def test_chat_goes_through_a_tool_loop(url, key):
    script = play([call("Bash", command="a"), call("Bash", command="b")], ["Both ran."])
    messages = [{"role": "user", "content": script}]
    first = client(url, key).chat.completions.create(model="any", messages=messages, tools=[TOOL])
    messages.append(first.choices[0].message)
    for one in first.choices[0].message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": one.id, "content": "ran"})
    second = client(url, key).chat.completions.create(model="any", messages=messages, tools=[TOOL])
    assert second.choices[0].message.content == "Both ran."
    assert second.usage.prompt_tokens_details.cached_tokens >= first.usage.prompt_tokens


def test_chat_has_one_call_where_it_asks_for_no_parallel_ones(url, key):
    script = play([call("Bash", command="a"), call("Bash", command="b")])
    answer = client(url, key).chat.completions.create(**ask(script, tools=[TOOL]), parallel_tool_calls=False)
    assert calls_of(answer.choices[0].message) == [("Bash", {"command": "a"})]


def test_chat_parses_an_answer_into_a_model_of_pydantic(url, key):
    request = ask(play(['{"name": "Ada", "age": 36}']), response_format=Person)
    assert client(url, key).chat.completions.parse(**request).choices[0].message.parsed == Person(name="Ada", age=36)
    with client(url, key).chat.completions.stream(**request) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed == Person(name="Ada", age=36)


def test_chat_says_how_much_of_a_prompt_was_computed_before(url, key):
    request = ask("Say marmalade, and say it twice.")
    client(url, key).chat.completions.create(**request)
    usage = client(url, key).chat.completions.create(**request).usage
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1


def test_chat_shows_the_headers_of_a_raw_response(url, key):
    raw = client(url, key).chat.completions.with_raw_response.create(**ask("Say pineapple."), logit_bias={"5": 1})
    assert raw.headers["x-request-id"] == raw.request_id
    assert "logit_bias" in raw.headers["warning"]
    assert raw.parse().choices[0].message.content == "pineapple"


def test_chat_ends_the_generation_when_it_leaves_a_stream(url, key):
    stream = client(url, key).chat.completions.create(**ask(endless()), stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    stream.close()
    until_idle(url, key)


def test_chat_asks_eight_at_once_and_gets_each_its_own_answer(url, key):
    words = ["pineapple", "walrus", "lantern", "copper", "saxophone", "tundra", "harbor", "kettle"]

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as shared:

            async def streamed(word):
                text = ""
                async for chunk in await shared.chat.completions.create(**ask(play([f"This is {word}."])), stream=True):
                    text += chunk.choices[0].delta.content or ""
                return text

            return await asyncio.gather(*map(streamed, words))

    assert asyncio.run(all_of_them()) == [f"This is {word}." for word in words]


def test_responses_get_a_whole_answer(url, key):
    answer = client(url, key).responses.create(model="any", input="Say pineapple.")
    assert (answer.status, answer.output_text) == ("completed", "pineapple")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_responses_stream_to_the_same_as_a_whole_answer(url, key):
    script = play([{"think": "Two."}, "Looking.", call("Bash", command=ODD), call("Bash", command="ls")])
    request = {"model": "any", "input": script, "tools": [ITEM], "reasoning": {"effort": "low"}}
    whole = client(url, key).responses.create(**request)
    with client(url, key).responses.stream(**request) as stream:
        events = list(stream)
        streamed = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    for answer in (whole, streamed):
        assert [item.type for item in answer.output] == ["reasoning", "message", "function_call", "function_call"]
        assert answer.output_text == "Looking."
        assert json.loads(answer.output[2].arguments) == {"command": ODD}


def test_responses_go_through_a_tool_loop_by_the_id_of_the_last_one(url, key):
    script = play([call("Bash", command="a"), call("Bash", command="b")], ["Both ran."])
    first = client(url, key).responses.create(model="any", input=script, tools=[ITEM])
    results = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "ran"} for item in first.output
    ]
    second = client(url, key).responses.create(
        model="any", input=results, previous_response_id=first.id, tools=[ITEM]
    )
    assert second.output_text == "Both ran."
    assert second.usage.input_tokens_details.cached_tokens >= first.usage.input_tokens


def test_responses_parse_into_a_model_of_pydantic(url, key):
    script = play(['{"name": "Ada", "age": 36}'])
    answer = client(url, key).responses.parse(model="any", input=script, text_format=Person)
    assert answer.output_parsed == Person(name="Ada", age=36)


def test_responses_end_the_generation_when_it_leaves_a_stream(url, key):
    stream = client(url, key).responses.create(model="any", input=endless(), stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            break
    stream.close()
    until_idle(url, key)


def test_completions_continue_a_raw_prompt(url, key):
    whole = client(url, key).completions.create(model="any", prompt=RAW, temperature=0)
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("pineapple", "stop")
    stream = client(url, key).completions.create(model="any", prompt=RAW, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == "pineapple"


def test_raises_an_error_that_names_the_field(url, key):
    for stream in (False, True):
        for act in (
            lambda: client(url, key).chat.completions.create(**ask("hi"), temperature=9, stream=stream),
            lambda: client(url, key).responses.create(model="any", input="hi", temperature=9, stream=stream),
            lambda: client(url, key).completions.create(model="any", prompt="hi", temperature=9, stream=stream),
        ):
            error = raises(openai.BadRequestError, act)
            assert (error.param, error.type) == ("temperature", "invalid_request_error")
            assert error.request_id.startswith("req_")


def test_raises_errors_with_the_codes_of_openai(url, key):
    wrong = raises(openai.AuthenticationError, lambda: client(url, "wrong").chat.completions.create(**ask("hi")))
    assert wrong.code == "invalid_api_key"
    unknown = raises(openai.NotFoundError, lambda: client(url, key).models.retrieve("no/such"))
    assert unknown.code == "model_not_found"
    gone = raises(
        openai.BadRequestError,
        lambda: client(url, key).responses.create(model="any", input="hi", previous_response_id="resp_none"),
    )
    assert gone.code == "previous_response_not_found"


def test_lists_the_model(url, key):
    models = list(client(url, key).models.list())
    assert [model.object for model in models] == ["model"]
    assert client(url, key).models.retrieve(models[0].id).id == models[0].id
