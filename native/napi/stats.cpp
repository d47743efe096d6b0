// The engine's counters as JavaScript sees them.
#include <algorithm>
#include <array>

#include "napi/convert.h"

namespace tether {
namespace {

Napi::Object from_cache(Napi::Env env, const CacheStats& cache) {
  auto hits = Napi::Object::New(env);
  hits.Set("live", cache.live_tokens);
  hits.Set("memory", cache.memory_tokens);
  hits.Set("disk", cache.disk_tokens);
  auto object = Napi::Object::New(env);
  object.Set("blocks", cache.blocks);
  object.Set("memoryBytes", cache.memory_bytes);
  object.Set("diskBytes", cache.disk_bytes);
  object.Set("diskCap", cache.disk_cap);
  object.Set("written", cache.written);
  object.Set("read", cache.read);
  object.Set("evictedMemory", cache.evicted_memory);
  object.Set("evictedDisk", cache.evicted_disk);
  object.Set("damaged", cache.damaged);
  object.Set("hitTokens", hits);
  object.Set("notices", from_texts(env, cache.notices));
  return object;
}

Napi::Array from_running(Napi::Env env, const std::vector<Running>& running) {
  auto array = Napi::Array::New(env, running.size());
  for (uint32_t i = 0; i < running.size(); i++) {
    const auto& one = running[i];
    auto object = Napi::Object::New(env);
    if (one.label) object.Set("label", static_cast<double>(*one.label));
    object.Set("promptTokens", one.prompt_tokens);
    object.Set("readTokens", one.read_tokens);
    object.Set("cachedTokens", one.cached_tokens);
    object.Set("outputTokens", one.output_tokens);
    array.Set(i, object);
  }
  return array;
}

Napi::Object from_drafts(Napi::Env env, const EngineStats& stats) {
  auto costs = Napi::Array::New(env, stats.pass_costs.size());
  for (uint32_t i = 0; i < stats.pass_costs.size(); i++) costs.Set(i, stats.pass_costs[i]);
  auto object = Napi::Object::New(env);
  DraftCount sum;
  for (size_t i = 0; i < kDraftSources; i++) {
    constexpr std::array<const char*, kDraftSources> kNames{"lookup", "forced", "drafter"};
    const auto& count = stats.drafts.at(i);
    auto source = Napi::Object::New(env);
    source.Set("drafted", count.drafted);
    source.Set("accepted", count.accepted);
    object.Set(kNames.at(i), source);
    sum.drafted += count.drafted;
    sum.accepted += count.accepted;
  }
  object.Set("drafted", sum.drafted);
  object.Set("accepted", sum.accepted);
  object.Set("steps", stats.steps);
  object.Set("costs", costs);
  object.Set("drafterCost", stats.drafter_cost);
  return object;
}

}  // namespace

Napi::Object from_stats(Napi::Env env, const EngineStats& stats) {
  auto prefill = Napi::Object::New(env);
  prefill.Set("done", stats.prefill.done);
  prefill.Set("total", stats.prefill.total);
  auto rate = Napi::Object::New(env);
  rate.Set("prefill", stats.prefill_rate);
  rate.Set("decode", stats.decode_rate);
  auto memory = Napi::Object::New(env);
  memory.Set("active", stats.active_bytes);
  memory.Set("peak", stats.peak_bytes);
  memory.Set("cache", stats.cache_bytes);
  memory.Set("weights", stats.weights_bytes);
  memory.Set("kv", stats.kv_bytes);
  memory.Set("prefix", stats.prefix_bytes);
  memory.Set("reserved", stats.reserved_bytes);
  memory.Set("lacking", stats.lacking_bytes);
  auto held = stats.weights_bytes + stats.kv_bytes + stats.prefix_bytes;
  memory.Set("scratch", stats.active_bytes - std::min(held, stats.active_bytes));
  auto object = Napi::Object::New(env);
  object.Set("queued", stats.queued);
  object.Set("longestWait", stats.longest_wait);
  object.Set("live", stats.live);
  object.Set("running", from_running(env, stats.running));
  object.Set("computedTokens", stats.computed_tokens);
  object.Set("generatedTokens", stats.generated_tokens);
  object.Set("prefill", prefill);
  object.Set("requests", stats.requests);
  object.Set("loops", stats.loops);
  object.Set("hits", stats.hits);
  object.Set("promptTokens", stats.prompt_tokens);
  object.Set("cachedTokens", stats.cached_tokens);
  object.Set("outputTokens", stats.output_tokens);
  object.Set("prefillSeconds", stats.prefill_seconds);
  object.Set("decodeSeconds", stats.decode_seconds);
  object.Set("drafts", from_drafts(env, stats));
  object.Set("constrainedTokens", stats.constrained_tokens);
  object.Set("removedProbability", stats.removed_probability);
  object.Set("maskSeconds", stats.mask_seconds);
  object.Set("ownSeconds", stats.own_seconds);
  object.Set("tokensPerSecond", rate);
  object.Set("memory", memory);
  object.Set("cache", from_cache(env, stats.cache));
  return object;
}

}  // namespace tether
