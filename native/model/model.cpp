// Finds the family of a checkpoint by its model_type.
#include "model/model.h"

#include <map>
#include <string>

#include "error.h"

namespace tether {

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
    return model;
  }
  throw Error("unsupported_model", "[model] " + (type.empty() ? "models without a model_type" : type + " models") +
                                       " are not supported yet. Supported: Gemma 2 to 4, Llama, Mistral.");
}

}  // namespace tether
