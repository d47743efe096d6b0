// Finds the family of a checkpoint by its model_type.
#include "model/model.h"

#include <map>
#include <string>
#include <vector>

#include "error.h"

namespace tether {
namespace {

// Neighbours with the same adapter are one entry; those without have none.
std::vector<AdapterRows> rows_by_adapter(std::span<const Segment> segments) {
  std::vector<AdapterRows> rows;
  int begin = 0;
  for (const auto& segment : segments) {
    int end = begin + segment.length;
    if (segment.adapter && !rows.empty() && rows.back().adapter == segment.adapter && rows.back().end == begin)
      rows.back().end = end;
    else if (segment.adapter)
      rows.push_back({.adapter = segment.adapter, .begin = begin, .end = end});
    begin = end;
  }
  return rows;
}

}  // namespace

mx::array Model::forward(const mx::array& tokens, std::span<const Segment> segments) {
  if (adapters && adapters->count() > 0) adapters->route(rows_by_adapter(segments));
  return compute(tokens, segments);
}

std::unique_ptr<Model> load_model(const Config& config, Weights& weights) {
  using Load = std::unique_ptr<Model> (*)(const Config&, Weights&);
  static const std::map<std::string, Load> families{
      {"gemma2", load_gemma2},      {"gemma3", load_gemma3},         {"gemma3_text", load_gemma3},
      {"gemma3n", load_gemma3n},    {"gemma3n_text", load_gemma3n},  {"gemma4", load_gemma4},
      {"gemma4_text", load_gemma4}, {"gemma4_unified", load_gemma4}, {"llama", load_llama},
      {"ministral3", load_llama},   {"mistral", load_llama},         {"mistral3", load_mistral3}};
  auto type = config.text("model_type", "");
  auto family = families.find(type);
  if (family != families.end()) {
    auto model = family->second(config, weights);
    weights.expect_none_left();
    model->adapters = weights.adapters();
    return model;
  }
  throw Error("unsupported_model", "[model] " + (type.empty() ? "models without a model_type" : type + " models") +
                                       " are not supported yet. Supported: Gemma 2 to 4, Llama, Mistral.");
}

}  // namespace tether
