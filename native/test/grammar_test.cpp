// Tests grammars over a small vocabulary: what they allow, when they hold, and that they end, whatever is asked of
// them.
#include "grammar/grammar.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "error.h"
#include "grammar/call_constraint.h"
#include "test/check.h"

using namespace tether;

namespace {

// Every byte of ASCII is a token; then some of several bytes, a quote, a marker, and a stop token.
constexpr int32_t kLong = 128;
constexpr int32_t kQuote = 133;
constexpr int32_t kMarker = 134;
constexpr int32_t kStop = 135;
constexpr size_t kWords = 5;

GrammarVocabulary vocabulary() {
  GrammarVocabulary made;
  for (int byte = 0; byte < 128; byte++) made.tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* token : {"\"}", "{\"", "<|", "|>", "\xF4", "", "", ""}) made.tokens.emplace_back(token);
  made.quote = kQuote;
  made.stop_tokens = {kStop};
  return made;
}

std::string object_tag(const std::string& properties, const std::string& style = "json") {
  return R"({"type":"structural_tag","format":{"type":"json_schema","style":")" + style +
         R"(","json_schema":{"type":"object","properties":{)" + properties +
         R"(},"required":["a"],"additionalProperties":false}}})";
}

const char* const kText = R"("a":{"type":"string"})";

std::string end_tag() {
  return R"({"type":"structural_tag","format":{"type":"sequence","elements":[{"type":"const_string","value":"ok"},)"
         R"({"type":"token","token":134}]}})";
}

std::vector<uint32_t> next_of(Matcher& matcher) {
  std::vector<uint32_t> words(kWords);
  matcher.fill(words);
  return words;
}

bool has(const std::vector<uint32_t>& words, int32_t token) {
  auto id = static_cast<uint32_t>(token);
  return (words[id / 32] >> (id % 32U) & 1U) != 0;
}

bool allows(Matcher& matcher, int32_t token) { return has(next_of(matcher), token); }

bool accept_all(Matcher& matcher, const std::string& text) {
  for (char byte : text)
    if (!matcher.accept(byte)) return false;
  return true;
}

void follows(Grammars& grammars) {
  Matcher matcher(grammars.compile(object_tag(kText)).get());
  check(allows(matcher, '{') && allows(matcher, kLong + 1) && !allows(matcher, 'x'), "only what may begin is allowed");
  check(!matcher.accept('x'), "a token that does not fit is refused");
  check(accept_all(matcher, R"({"a":"x)"), "that changes nothing: a text that fits is accepted");
  check(allows(matcher, kLong), "a token that closes a string and goes on is allowed");
  check(!allows(matcher, kMarker) && !allows(matcher, kStop), "no control token is allowed inside a string");
  check(!allows(matcher, kQuote), "nor is the quote, where strings have others");
  check(!matcher.is_complete(), "a text in the middle is not complete");
  check(matcher.accept(kLong) && matcher.is_complete(), "the closing token completes the text");
  check(allows(matcher, kStop) && !allows(matcher, 'x'), "only a stop token may follow a whole text");
}

// Whether an object with two properties of its own may have this name beside them.
bool may_add(Grammars& grammars, const std::string& name) {
  Matcher matcher(
      grammars
          .compile(
              R"({"type":"structural_tag","format":{"type":"json_schema","json_schema":)"
              R"({"type":"object","properties":{"ab":{"const":1},"c\"d":{"const":2}},"additionalProperties":true}}})")
          .get());
  return accept_all(matcher, "{\"" + name + "\":") && allows(matcher, 't');
}

void tells_names_apart(Grammars& grammars) {
  for (const char* name : {"x", "a", "abc", "c"}) check(may_add(grammars, name), name);
  check(!may_add(grammars, "ab") && !may_add(grammars, R"(c\"d)"), "but none that is there");
  check(!may_add(grammars, R"(a\u0062)") && !may_add(grammars, R"(\u0061b)"), "in no other spelling either");
  check(!may_add(grammars, "c\"d"), "and a name with a quote ends with that");
}

void forces(Grammars& grammars) {
  Matcher matcher(grammars.compile(object_tag(R"("a":{"const":7})")).get());
  check(accept_all(matcher, "{\"a\":"), "a constant's key is accepted");
  check(!allows(matcher, '8') && accept_all(matcher, "7}") && matcher.is_complete(), "a constant is the only value");
  Matcher ending(grammars.compile(end_tag()).get());
  auto forced = ending.forced();
  check(forced == std::vector<int32_t>{'o', 'k'}, "text without a choice is known in advance");
  check(accept_all(ending, "ok") && allows(ending, kMarker) && !allows(ending, 'x'),
        "a control token is named by its id");
}

void spells(Grammars& grammars) {
  Matcher matcher(grammars.compile(object_tag(kText, "gemma")).get());
  check(accept_all(matcher, "{a:") && allows(matcher, kQuote),
        "a quote that is a control token is allowed where it fits");
  check(!allows(matcher, '<') && !allows(matcher, '"'), "plain tokens cannot stand for it");
  check(matcher.accept(kQuote), "the quote begins a string");
  check(allows(matcher, '<') && allows(matcher, 'x') && allows(matcher, kQuote), "a string may hold any text");
  check(!allows(matcher, kMarker) && !allows(matcher, kStop), "no other control token is allowed inside a string");
  check(!allows(matcher, kLong + 4), "nothing begins the bytes that stand for the quote");
  check(accept_all(matcher, "x<|\"|>y") && !matcher.is_complete(), "its spelling in plain tokens is text");
  check(matcher.accept(kQuote) && accept_all(matcher, "}") && matcher.is_complete(),
        "the quote itself closes the string");
}

std::string failure_of(Grammars& grammars, const std::string& source) {
  try {
    grammars.compile(source).get();
    return "";
  } catch (const Error& error) {
    return error.code() + ": " + error.what();
  }
}

void refuses(Grammars& grammars) {
  check(failure_of(grammars, "{").starts_with("invalid_request: "), "text that is no grammar is refused");
  check(failure_of(grammars, object_tag(R"("a":{"type":"nothing"})")).find("nothing") != std::string::npos,
        "a schema that is none is refused with its fault");
  check(failure_of(grammars, object_tag(R"("a":{"type":"integer","minimum":3,"maximum":1})")) != "",
        "a schema that allows nothing is refused");
  std::string deep = R"({"type":"string"})";
  for (int i = 0; i < 20000; i++) deep = R"({"type":"array","items":)" + deep + "}";
  check(failure_of(grammars, object_tag(R"("a":)" + deep)) != "", "a schema that is nested too deeply is refused");
  auto warned = grammars.compile(object_tag(R"("a":{"type":"number","multipleOf":3})")).get();
  check(!warnings_of(*warned).empty() && warnings_of(*warned)[0].find("multipleOf") != std::string::npos,
        "a part of a schema that is not held is named");
  check(warnings_of(*grammars.compile(object_tag(kText)).get()).empty(), "a schema that is held gives no warning");
}

void keeps(Grammars& grammars) {
  auto first = grammars.compile(object_tag(kText)).get();
  check(grammars.compile(object_tag(kText)).get() == first, "the same source is compiled once");
  bool called = false;
  std::promise<void> ready;
  grammars.then([&] {
    called = true;
    ready.set_value();
  });
  ready.get_future().wait();
  check(called, "what waits for grammars is called");
}

// The last one stays, whatever it takes; others as far as there is room.
void makes_room() {
  for (size_t room : {size_t{1}, Grammars::kMostKeptBytes}) {
    Grammars grammars(vocabulary(), room);
    auto compile = [&](const std::string& source) { grammars.compile(source).get(); };
    compile(object_tag(kText));
    compile(object_tag(kText));
    check(grammars.compiled() == 1, "the last one is kept, whatever it takes");
    compile(object_tag(R"("b":{"type":"string"})"));
    compile(object_tag(kText));
    check(grammars.compiled() == (room == 1 ? 3 : 2), "an older one is kept where there is room");
  }
}

Hold after(std::vector<int32_t> tokens, std::vector<std::string> texts) {
  Hold hold;
  hold.tokens = std::move(tokens);
  hold.texts = std::move(texts);
  return hold;
}

void accept_text(CallConstraint& constraint, const std::string& text) {
  for (char byte : text) constraint.accept(byte);
}

void wait_for(CallConstraint& constraint) {
  while (!constraint.is_ready()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void opens(Grammars& grammars) {
  Hold hold;
  hold.opening = "\"a\":";
  auto constraint = [&] {
    auto made = std::make_unique<CallConstraint>(grammars.compile(object_tag(kText)), hold);
    wait_for(*made);
    return made;
  };
  auto bare = constraint();
  accept_text(*bare, "\n { \"a\"");
  check(!bare->holds(), "an object at the beginning of an answer is free until it must be a call");
  accept_text(*bare, ":");
  check(bare->holds(), "and is held from there on");
  accept_text(*bare, R"("x"})");
  check(!bare->holds(), "to its end");
  accept_text(*bare, R"(; {"a":)");
  check(bare->holds(), "a call that follows another is held too");

  auto other = constraint();
  accept_text(*other, R"({"b":1} {"a":)");
  check(!other->holds(), "an answer that begins with another object is free");
  auto text = constraint();
  accept_text(*text, R"(See {"a":)");
  check(!text->holds(), "so is one that begins with text");
  auto control = constraint();
  accept_text(*control, "{");
  control->accept(kMarker);
  accept_text(*control, R"("a":)");
  check(!control->holds(), "and one with a control token in its object");
}

void holds(Grammars& grammars) {
  CallConstraint marked(grammars.compile(object_tag(kText)), after({kMarker}, {}));
  wait_for(marked);
  accept_text(marked, "{free");
  check(!marked.holds(), "free text is free");
  marked.accept(kMarker);
  check(marked.holds(), "a marker arms the grammar");
  accept_text(marked, R"({"a":"x"})");
  check(!marked.holds(), "the end of a call frees what follows");
  marked.accept(kMarker);
  check(marked.holds(), "a second call is held too");

  CallConstraint fenced(grammars.compile(object_tag(kText)), after({}, {"call:"}));
  wait_for(fenced);
  accept_text(fenced, "say call");
  fenced.accept(kMarker);
  accept_text(fenced, ":");
  check(!fenced.holds(), "a control token inside a text that arms separates it");
  accept_text(fenced, "call:");
  check(fenced.holds(), "a text arms the grammar");

  Hold forced;
  forced.from_start = true;
  forced.begun = "{\"a\":";
  CallConstraint begun(grammars.compile(object_tag(kText)), forced);
  wait_for(begun);
  std::vector<uint32_t> words(kWords);
  check(begun.holds() && begun.fill(words) && has(words, '"'), "a call that is begun goes on");
  forced.begun = "[";
  CallConstraint wrong(grammars.compile(object_tag(kText)), forced);
  wait_for(wrong);
  check(!wrong.holds() && wrong.failure(), "a beginning that does not fit is a failure, and nothing is held");

  forced.begun = "";
  forced.to_end = true;
  CallConstraint whole(grammars.compile(object_tag(kText)), forced);
  wait_for(whole);
  accept_text(whole, R"({"a":"x"})");
  check(whole.holds() && whole.fill(words) && words[4] == 1U << (kStop % 32U), "a whole answer may only end");

  opens(grammars);

  CallConstraint broken(grammars.compile("{"), after({kMarker}, {}));
  wait_for(broken);
  broken.accept(kMarker);
  check(!broken.holds() && broken.failure(), "a grammar that cannot be compiled holds nothing and says why");

  CallConstraint other(grammars.compile("{"), after({kMarker}, {}), grammars.compile(object_tag(kText)));
  wait_for(other);
  other.accept(kMarker);
  check(other.holds() && !other.failure(), "in its place holds the other one");
  CallConstraint neither(grammars.compile("{"), after({kMarker}, {}), grammars.compile("["));
  wait_for(neither);
  check(!neither.holds() && neither.failure(), "if that can be compiled");
}

std::string constant(int value) { return object_tag(R"("a":{"const":)" + std::to_string(value) + "}"); }

std::vector<uint32_t> next_of(CallConstraint& constraint) {
  std::vector<uint32_t> words(kWords);
  constraint.fill(words);
  return words;
}

// style: of objects. text: one of its objects, token by token.
void goes_ahead(Grammars& grammars, const std::string& style, const std::vector<int32_t>& text, bool to_end) {
  Hold whole;
  whole.from_start = true;
  whole.to_end = to_end;
  CallConstraint constraint(grammars.compile(object_tag(kText, style)), whole);
  wait_for(constraint);
  // Behind the last token nothing is held, but that a whole answer ends there.
  size_t end = text.size() - (to_end ? 0 : 1);
  for (size_t known = 0; known + 1 < text.size(); known++) {
    auto before = next_of(constraint);
    std::vector<std::vector<uint32_t>> seen;
    size_t i = known;
    for (; i < text.size() && constraint.go_ahead(text[i]); i++) seen.push_back(next_of(constraint));
    check(i == end, style + ": it goes ahead as far as it holds");
    check(!constraint.go_ahead(kMarker) && !constraint.go_ahead(kStop), style + ": and with nothing that does not fit");
    constraint.come_back();
    check(constraint.holds() && next_of(constraint) == before, style + ": it comes back to where it was");
    constraint.accept(text[known]);
    check(next_of(constraint) == seen.at(0), style + ": what it said ahead is what holds then");
  }
}

void gives_up() {
  Grammars grammars(vocabulary());
  std::promise<void> gate;
  grammars.then([opened = gate.get_future().share()] { opened.wait(); });
  grammars.compile(constant(1));
  auto wanted = grammars.compile(constant(2));
  gate.set_value();
  wanted.get();
  check(grammars.compiled() == 1, "what nobody waits for any longer is not compiled");
  auto again = grammars.compile(constant(1)).get();
  check(grammars.compiled() == 2, "and is when it is asked for again");
  again.reset();
  grammars.compile(constant(1)).get();
  check(grammars.compiled() == 2, "what is compiled stays, whoever has it");
}

void closes() {
  std::vector<GrammarWish> left;
  bool called = false;
  {
    Grammars grammars(vocabulary());
    for (int i = 0; i < 20; i++) left.push_back(grammars.compile(constant(i)));
    grammars.then([&] { called = true; });
  }
  check(called, "who waits is told when the grammars end");
  check(std::ranges::all_of(left, &GrammarWish::is_ready), "nothing stays unsettled");
}

}  // namespace

int main() {
  Grammars grammars(vocabulary());
  follows(grammars);
  tells_names_apart(grammars);
  forces(grammars);
  spells(grammars);
  refuses(grammars);
  keeps(grammars);
  makes_room();
  holds(grammars);
  for (bool to_end : {false, true}) {
    goes_ahead(grammars, "json", {'{', '"', 'a', '"', ':', '"', 'x', '"', '}'}, to_end);
    goes_ahead(grammars, "gemma", {'{', 'a', ':', kQuote, 'x', 'y', kQuote, '}'}, to_end);
  }
  gives_up();
  closes();
  return result();
}
