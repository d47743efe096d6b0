// Traces of Claude Code's requests, made by rules from a seed: which blocks each prompt reads, and which it leaves
// behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tether::bench {

constexpr int kBlockTokens = 256;

// One block of a tree; blocks are numbered so that a parent comes before its children.
struct Node {
  int parent = -1;
  int depth = 0;  // blocks above it
};

struct Request {
  int prompt = -1;  // last whole block of the prompt; -1: none
  int end = -1;     // last whole block of prompt and answer
  int tokens = 0;   // of the prompt
};

struct Trace {
  std::vector<Node> nodes;
  std::vector<Request> requests;

  // Blocks from the root to `node`.
  std::vector<int> path(int node) const;
};

// What a trace is made of.
struct Kind {
  std::string name;
  std::string what;
};
const std::vector<Kind>& kinds();

Trace make_trace(const std::string& kind, uint64_t seed);

}  // namespace tether::bench
