#include "replay.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "engine/cache/policy.h"

namespace tether::bench {

namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

size_t at(int index) { return static_cast<size_t>(index); }

// When each block is read.
class Future {
 public:
  explicit Future(const Trace& trace) : reads_(trace.nodes.size()), next_(trace.nodes.size()) {
    for (size_t i = 0; i < trace.requests.size(); i++)
      for (int node : trace.path(trace.requests[i].prompt)) reads_[at(node)].push_back(i);
  }

  // The first request after `now` that reads the block. `now` never goes back.
  size_t next_read(int node, size_t now) {
    auto& next = next_[at(node)];
    const auto& reads = reads_[at(node)];
    while (next < reads.size() && reads[next] <= now) next++;
    return next < reads.size() ? reads[next] : kNever;
  }

 private:
  std::vector<std::vector<size_t>> reads_;
  std::vector<size_t> next_;
};

// A cache that evicts leaves.
class Leaves {
 public:
  Leaves(const Trace& trace, Evict evict, size_t cap)
      : trace_(trace), evict_(evict), cap_(cap), blocks_(trace.nodes.size()) {}

  // -> blocks of the prompt that were there
  size_t request(const Request& request, uint64_t now) {
    auto path = trace_.path(request.end);
    auto prompt = static_cast<size_t>(request.prompt < 0 ? 0 : trace_.nodes[at(request.prompt)].depth + 1);
    size_t found = 0;
    while (found < prompt && blocks_[at(path[found])].resident) found++;
    for (int node : path) blocks_[at(node)].use.pinned++;
    // Blocks that were evicted are remembered.
    std::vector<Use*> known;
    for (int node : path)
      if (blocks_[at(node)].use.last > 0) known.push_back(&blocks_[at(node)].use);
    touch(known, now);
    // What does not fit beside its own path is not kept, nor what comes after it.
    bool fits = true;
    for (size_t i = found; i < path.size(); i++) {
      auto& block = blocks_[at(path[i])];
      make(block.use, i > 0 ? &blocks_[at(path[i - 1])].use : nullptr, now);
      fits = fits && (block.resident || make_room(block.use, now));
      if (fits) add(path[i]);
    }
    for (int node : path) blocks_[at(node)].use.pinned--;
    return found;
  }

 private:
  struct Block {
    Use use;  // of evicted blocks too
    int children = 0;
    bool resident = false;
  };

  void add(int node) {
    auto& block = blocks_[at(node)];
    if (block.resident) return;
    block.resident = true;
    int parent = trace_.nodes[at(node)].parent;
    if (parent >= 0 && blocks_[at(parent)].children++ == 0) std::erase(leaves_, parent);
    leaves_.push_back(node);
    size_++;
  }

  bool make_room(const Use& newcomer, uint64_t now) {
    if (size_ < cap_) return true;
    auto index = least(now);
    if (!index) return false;
    if (evict_ == Evict::policy && !gives_way(blocks_[at(leaves_[*index])].use, newcomer, now)) return false;
    int node = leaves_[*index];
    leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(*index));
    blocks_[at(node)].resident = false;
    int parent = trace_.nodes[at(node)].parent;
    if (parent >= 0 && --blocks_[at(parent)].children == 0) leaves_.push_back(parent);
    size_--;
    return true;
  }

  std::optional<size_t> least(uint64_t now) const {
    std::optional<size_t> index;
    double least_value = 0;
    for (size_t i = 0; i < leaves_.size(); i++) {
      const auto& use = blocks_[at(leaves_[i])].use;
      if (use.pinned > 0) continue;
      double value = evict_ == Evict::lru ? static_cast<double>(use.last) : keep_value(use, now);
      if (index && value >= least_value) continue;
      index = i;
      least_value = value;
    }
    return index;
  }

  const Trace& trace_;
  Evict evict_;
  size_t cap_;
  std::vector<Block> blocks_;
  std::vector<int> leaves_;
  size_t size_ = 0;
};

// Keeps of all blocks those that are read again soonest, of a path the first ones. -> blocks found
size_t belady(const Trace& trace, size_t cap) {
  Future future(trace);
  using Entry = std::tuple<size_t, int, int>;  // next read, depth, node
  std::set<Entry> kept;
  std::vector<size_t> next(trace.nodes.size(), kNever);
  std::vector<bool> resident(trace.nodes.size());
  size_t found = 0;
  for (size_t now = 0; now < trace.requests.size(); now++) {
    const auto& request = trace.requests[now];
    auto path = trace.path(request.end);
    for (int node : path) {
      int depth = trace.nodes[at(node)].depth;
      if (resident[at(node)]) {
        if (request.prompt >= 0 && depth <= trace.nodes[at(request.prompt)].depth) found++;
        kept.erase({next[at(node)], depth, node});
      }
      next[at(node)] = future.next_read(node, now);
      kept.insert({next[at(node)], depth, node});
      resident[at(node)] = true;
    }
    while (kept.size() > cap) {
      resident[at(std::get<2>(*kept.rbegin()))] = false;
      kept.erase(std::prev(kept.end()));
    }
  }
  return found;
}

}  // namespace

size_t hits(const Trace& trace, Evict evict, size_t cap) {
  if (evict == Evict::belady) return belady(trace, cap);
  Leaves cache(trace, evict, cap);
  size_t found = 0;
  for (size_t i = 0; i < trace.requests.size(); i++) found += cache.request(trace.requests[i], i + 1);
  return found;
}

size_t needed_blocks(const Trace& trace) {
  Future future(trace);
  std::set<int> live;
  size_t most = 0;
  for (size_t now = 0; now < trace.requests.size(); now++) {
    for (int node : trace.path(trace.requests[now].end)) {
      if (future.next_read(node, now) == kNever)
        live.erase(node);
      else
        live.insert(node);
    }
    most = std::max(most, live.size());
  }
  return most;
}

}  // namespace tether::bench
