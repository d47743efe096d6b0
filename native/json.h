// A JSON value that was parsed elsewhere (by JavaScript); config.h gives it meaning.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace tether {

struct Json {
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json>;

  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value = nullptr;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }

  // The member of that name; nullptr if this is not an object or has no such member.
  const Json* find(const std::string& key) const {
    const auto* object = std::get_if<Object>(&value);
    if (!object) return nullptr;
    auto it = object->find(key);
    return it == object->end() ? nullptr : &it->second;
  }
};

}  // namespace tether
