// npm run bench:cache: hit rates of the prefix cache's policy beside least recently used and the best possible.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "replay.h"
#include "trace.h"

namespace {

using tether::bench::Evict;
using tether::bench::hits;
using tether::bench::Kind;
using tether::bench::kinds;
using tether::bench::Trace;

constexpr auto kHelp = R"(npm run bench:cache [-- OPTIONS]

  --kind NAME    only traces of that kind
  --seeds A-B    seeds of the traces (101-140; the policy was tuned on 1-20)
  --of-all       caps as shares of all blocks ever made, not of the blocks that are needed
  --help         this text

Needed is the most blocks at any time that are used again: with that cap the best possible policy loses nothing.
)";

struct Options {
  std::string kind;
  int first = 101;
  int last = 140;
  bool of_all = false;
};

// Sums over the seeds.
struct Sums {
  double prompt = 0;  // blocks of tokens, whole or not
  double best = 0, lru = 0, policy = 0;
  double worst = 1;  // policy to best, of the worst seed
};

Sums replay(const std::vector<Trace>& traces, int percent, bool of_all) {
  Sums sums;
  for (const auto& trace : traces) {
    size_t all = of_all ? trace.nodes.size() : needed_blocks(trace);
    size_t cap = all * static_cast<size_t>(percent) / 100;
    for (const auto& request : trace.requests)
      sums.prompt += static_cast<double>(request.tokens) / tether::bench::kBlockTokens;
    auto best = static_cast<double>(hits(trace, Evict::belady, cap));
    auto policy = static_cast<double>(hits(trace, Evict::policy, cap));
    sums.best += best;
    sums.policy += policy;
    sums.lru += static_cast<double>(hits(trace, Evict::lru, cap));
    if (best > 0) sums.worst = std::min(sums.worst, policy / best);
  }
  return sums;
}

void print(const Kind& kind, const Options& options) {
  std::vector<Trace> traces;
  double requests = 0;
  double needed = 0;
  double all = 0;
  for (int seed = options.first; seed <= options.last; seed++) {
    traces.push_back(tether::bench::make_trace(kind.name, static_cast<uint64_t>(seed)));
    requests += static_cast<double>(traces.back().requests.size());
    needed += static_cast<double>(needed_blocks(traces.back()));
    all += static_cast<double>(traces.back().nodes.size());
  }
  auto count = static_cast<double>(traces.size());
  std::printf("\n%s: %s\n%.0f requests, %.0f blocks needed of %.0f (means of %zu seeds)\n", kind.name.c_str(),
              kind.what.c_str(), requests / count, needed / count, all / count, traces.size());
  std::printf("%6s %21s %32s %23s\n", "", "hit rate in tokens", "less than the best", "computed again, tokens");
  std::printf("%6s %7s %6s %6s %10s %10s %10s %11s %11s\n", "cap", "policy", "lru", "best", "policy", "worst seed",
              "lru", "policy", "lru");
  // What even a cache of any size computes is new.
  double most = replay(traces, 100, true).best;
  for (int percent : {5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}) {
    auto sums = replay(traces, percent, options.of_all);
    auto rate = [&](double found) { return 100 * found / sums.prompt; };
    auto less = [&](double found) { return sums.best > 0 ? 100 * (1 - found / sums.best) : 0; };
    auto again = [&](double found) { return (most - found) * tether::bench::kBlockTokens / count; };
    std::printf("%5d%% %6.1f%% %5.1f%% %5.1f%% %9.2f%% %9.2f%% %9.2f%% %11.0f %11.0f\n", percent, rate(sums.policy),
                rate(sums.lru), rate(sums.best), less(sums.policy), 100 * (1 - sums.worst), less(sums.lru),
                again(sums.policy), again(sums.lru));
  }
}

int wrong(const std::string& what) {
  std::fprintf(stderr, "%s\n\n%s", what.c_str(), kHelp);
  return 2;
}

int run(const std::vector<std::string>& args) {
  Options options;
  for (size_t i = 0; i < args.size(); i++) {
    bool has_value = i + 1 < args.size();
    if (args[i] == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (args[i] == "--of-all") {
      options.of_all = true;
    } else if (args[i] == "--kind" && has_value) {
      options.kind = args[++i];
    } else if (args[i] == "--seeds" && has_value) {
      char* rest = nullptr;
      options.first = static_cast<int>(std::strtol(args[++i].c_str(), &rest, 10));
      options.last = *rest == '-' ? static_cast<int>(std::strtol(rest + 1, &rest, 10)) : options.first;
      if (*rest != '\0' || options.first < 1 || options.last < options.first)
        return wrong("--seeds " + args[i] + " is no range of seeds such as 101-140.");
    } else {
      return wrong(args[i] + " is no option, or lacks its value.");
    }
  }
  bool any = false;
  for (const auto& kind : kinds()) {
    if (!options.kind.empty() && options.kind != kind.name) continue;
    print(kind, options);
    any = true;
  }
  if (any) return 0;
  std::string names;
  for (const auto& kind : kinds()) names += " " + kind.name;
  return wrong("There is no kind \"" + options.kind + "\". Kinds:" + names + ".");
}

}  // namespace

int main(int argc, char** argv) { return run({argv + 1, argv + argc}); }
