// The index of the prefix cache: a tree of blocks, each of which holds some tokens after those of its parent.
#include "engine/cache/block_tree.h"

#include <algorithm>
#include <utility>

namespace tether {

Block& BlockTree::root(const Key& key) {
  auto found = std::ranges::find(roots_, key, [](const auto& root) { return root->key; });
  if (found != roots_.end()) return **found;
  roots_.push_back(std::make_unique<Block>());
  roots_.back()->key = key;
  return *roots_.back();
}

BlockTree::Path BlockTree::find(Block& root, std::span<const int32_t> tokens) {
  Path path;
  Block* at = &root;
  while (true) {
    auto rest = tokens.subspan(static_cast<size_t>(path.length));
    Block* best = nullptr;
    size_t shared = 0;
    for (const auto& child : at->children) {
      auto [end, _] = std::ranges::mismatch(child->tokens, rest);
      auto common = static_cast<size_t>(end - child->tokens.begin());
      // Of two that share as much, the one that is shared to its end goes on.
      if (common < shared || common == 0) continue;
      if (common == shared && best && (best->tokens.size() == common || child->tokens.size() != common)) continue;
      best = child.get();
      shared = common;
    }
    if (!best) return path;
    path.blocks.push_back(best);
    path.length += static_cast<int>(shared);
    if (shared < best->tokens.size()) return path;
    at = best;
  }
}

Block* BlockTree::child(Block& parent, std::span<const int32_t> tokens) {
  auto found = std::ranges::find_if(parent.children,
                                    [&](const auto& child) { return std::ranges::equal(child->tokens, tokens); });
  return found == parent.children.end() ? nullptr : found->get();
}

Block& BlockTree::add(Block& parent, std::span<const int32_t> tokens) {
  if (auto* existing = child(parent, tokens)) return *existing;
  auto block = std::make_unique<Block>();
  block->key = chained(parent.key, tokens);
  block->parent = &parent;
  block->begin = parent.end();
  block->tokens.assign(tokens.begin(), tokens.end());
  parent.children.push_back(std::move(block));
  size_++;
  return *parent.children.back();
}

void BlockTree::remove(Block& block) {
  auto& siblings = block.parent->children;
  std::erase_if(siblings, [&](const auto& sibling) { return sibling.get() == &block; });
  size_--;
}

void BlockTree::each(const std::function<void(Block&)>& visit) {
  // Not recursive: a conversation of 100,000 tokens is hundreds of blocks deep.
  std::vector<Block*> open;
  for (const auto& root : roots_) open.push_back(root.get());
  while (!open.empty()) {
    auto* at = open.back();
    open.pop_back();
    for (const auto& child : at->children) open.push_back(child.get());
    if (at->parent) visit(*at);
  }
}

}  // namespace tether
