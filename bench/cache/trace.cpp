#include "trace.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace tether::bench {

namespace {

// The same numbers on every machine, unlike the standard library's distributions.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
    return z ^ (z >> 31U);
  }
  // In least .. most, both included.
  int between(int least, int most) {
    return least + static_cast<int>(next() % static_cast<uint64_t>(most - least + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }

 private:
  uint64_t state_;
};

// Tokens that grow at their end, and the blocks that they fill.
struct Text {
  int tip = -1;  // last whole block
  int tokens = 0;
};

struct Conversation {
  Text text;
  Text prompt;  // without the last answer
  int turns_left = 0;
};

// A main conversation, the subagents that it waits for, and its titles.
struct Session {
  Conversation main;
  int subagents_left = 0;
  bool all_at_once = false;  // one wave of all subagents
  bool single = false;       // subagents of one long turn
  int before_wave = 0;       // turns of main until the next wave may start
  std::vector<Conversation> waiting;
  std::vector<Conversation> running;  // at most 4

  bool done() const { return main.turns_left == 0 && waiting.empty() && running.empty(); }
};

constexpr int kSystemTokens = 15'000;
constexpr int kContextTokens = 150'000;  // a conversation that grew to this is compacted

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {
    main_system_ = grown({}, kSystemTokens + random_.between(-2000, 2000));
    subagent_system_ = grown({}, kSystemTokens + random_.between(-2000, 2000));
    title_system_ = grown({}, random_.between(300, 600));
  }

  Session session(int turns, int subagents, bool all_at_once = false) {
    Session made;
    made.main = conversation(main_system_, turns);
    made.subagents_left = subagents;
    made.all_at_once = all_at_once;
    made.before_wave = all_at_once ? turns / 2 : random_.between(1, 6);
    return made;
  }

  // Its subagents read much and answer once.
  Session with_single_turns(int turns, int subagents) {
    Session made = session(turns, subagents);
    made.single = true;
    return made;
  }

  // A kept conversation that is taken up again.
  Session resumed(const Session& earlier, int turns, int subagents) {
    Session made = session(turns, subagents);
    made.main.text = earlier.main.text;
    made.main.prompt = earlier.main.prompt;
    return made;
  }

  // One request of the session.
  void step(Session& session) {
    while (session.running.size() < 4 && !session.waiting.empty()) {
      session.running.push_back(session.waiting.back());
      session.waiting.pop_back();
    }
    if (!session.running.empty()) {
      auto index = static_cast<size_t>(random_.between(0, static_cast<int>(session.running.size()) - 1));
      turn(session.running[index], session.single ? random_.between(2000, 20'000) : 0);
      if (session.running[index].turns_left == 0)
        session.running.erase(session.running.begin() + static_cast<std::ptrdiff_t>(index));
      return;
    }
    if (session.main.text.tokens > kContextTokens) compact(session.main);
    turn(session.main);
    if (random_.chance(12)) title();
    if (--session.before_wave <= 0 && session.main.turns_left > 0) start_wave(session);
  }

  void title() {
    Conversation one = conversation(title_system_, 1);
    turn(one, 500);
  }

  // `session` is chosen for each request; a title comes with each start.
  void run(std::vector<Session> sessions, int percent_switch) {
    title();
    size_t at = 0;
    while (std::ranges::any_of(sessions, [](const auto& one) { return !one.done(); })) {
      if (sessions[at].done() || random_.chance(percent_switch))
        at = static_cast<size_t>(random_.between(0, static_cast<int>(sessions.size()) - 1));
      if (!sessions[at].done()) step(sessions[at]);
    }
    for (auto& one : sessions) earlier_.push_back(one);
  }

  Random& random() { return random_; }
  const std::vector<Session>& earlier() const { return earlier_; }
  Trace take() { return std::move(trace_); }

 private:
  Conversation conversation(const Text& system, int turns) {
    Conversation made;
    made.text = system;
    made.turns_left = turns;
    return made;
  }

  Text grown(Text text, int tokens) {
    text.tokens += tokens;
    int depth = text.tip < 0 ? -1 : trace_.nodes[static_cast<size_t>(text.tip)].depth;
    while ((depth + 2) * kBlockTokens <= text.tokens) {
      trace_.nodes.push_back({.parent = text.tip, .depth = ++depth});
      text.tip = static_cast<int>(trace_.nodes.size()) - 1;
    }
    return text;
  }

  // The answer is part of the 200 to 3,000 tokens that a turn adds.
  void turn(Conversation& one, int tokens = 0) {
    if (tokens == 0) tokens = random_.between(200, 3000);
    // Sometimes the client sends an answer in other words than it got, such as without its thoughts.
    if (one.prompt.tokens > 0 && random_.chance(10)) one.text = one.prompt;
    int answer = random_.between(20, std::min(tokens / 2, 600));
    one.text = grown(one.text, tokens - answer);
    one.prompt = one.text;
    Request request{.prompt = one.text.tip, .end = 0, .tokens = one.text.tokens};
    one.text = grown(one.text, answer);
    request.end = one.text.tip;
    trace_.requests.push_back(request);
    one.turns_left--;
  }

  // The history becomes a summary behind the same system prompt.
  void compact(Conversation& one) { one.text = one.prompt = grown(main_system_, random_.between(2000, 5000)); }

  void start_wave(Session& session) {
    if (session.subagents_left == 0) return;
    int count = session.all_at_once ? session.subagents_left : std::min(session.subagents_left, random_.between(1, 8));
    session.subagents_left -= count;
    for (int i = 0; i < count; i++)
      session.waiting.push_back(conversation(subagent_system_, session.single ? 1 : random_.between(1, 8)));
    session.before_wave = random_.between(1, 10);
  }

  Random random_;
  Trace trace_;
  Text main_system_;
  Text subagent_system_;
  Text title_system_;
  std::vector<Session> earlier_;
};

void restarts(Maker& make) {
  Random& random = make.random();
  for (int i = 0; i < 8; i++) {
    int turns = random.between(5, 30);
    int subagents = random.between(0, 5);
    if (i > 0 && random.chance(30)) {
      auto which = static_cast<size_t>(random.between(0, static_cast<int>(make.earlier().size()) - 1));
      make.run({make.resumed(make.earlier()[which], turns, subagents)}, 0);
    } else {
      make.run({make.session(turns, subagents)}, 0);
    }
  }
}

void mixed(Maker& make) {
  Random& random = make.random();
  for (int i = 0; i < 5; i++) {
    std::vector<Session> sessions{make.session(random.between(20, 60), random.between(0, 10))};
    for (int more = random.between(0, 2); more > 0; more--)
      sessions.push_back(make.session(random.between(1, 8), random.between(0, 2)));
    make.run(std::move(sessions), random.between(5, 40));
  }
}

}  // namespace

std::vector<int> Trace::path(int node) const {
  std::vector<int> blocks;
  for (; node >= 0; node = nodes[static_cast<size_t>(node)].parent) blocks.push_back(node);
  std::ranges::reverse(blocks);
  return blocks;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"session", "one main session, 20 subagents in waves, titles"},
      {"return", "20 subagents in one wave, then main again"},
      {"single", "one main session, 40 subagents of one long turn each"},
      {"two", "two main sessions interleaved, 10 subagents each"},
      {"mixed", "long sessions beside short ones"},
      {"restarts", "8 sessions one after the other, some of them resumed"},
  };
  return all;
}

Trace make_trace(const std::string& kind, uint64_t seed) {
  Maker make(seed);
  Random& random = make.random();
  if (kind == "session") make.run({make.session(random.between(30, 80), 20)}, 0);
  if (kind == "return") make.run({make.session(random.between(30, 60), 20, true)}, 0);
  if (kind == "single") make.run({make.with_single_turns(random.between(30, 60), 40)}, 0);
  if (kind == "two") {
    auto first = make.session(random.between(20, 50), 10);
    auto second = make.session(random.between(20, 50), 10);
    make.run({first, second}, random.between(3, 50));
  }
  if (kind == "mixed") mixed(make);
  if (kind == "restarts") restarts(make);
  return make.take();
}

}  // namespace tether::bench
