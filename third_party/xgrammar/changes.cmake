# What tether changes in xgrammar's sources before it compiles them. Each text that is replaced must be there: another
# version of xgrammar that is written otherwise fails here, and not in an answer.

# change_xgrammar(FILE OUTPUT FROM TO [FROM TO]...): writes the changed file to OUTPUT.
function(change_xgrammar file output)
  file(READ "${file}" text)
  math(EXPR last "${ARGC} - 1")
  foreach(i RANGE 2 ${last} 2)
    math(EXPR next "${i} + 1")
    string(REPLACE "${ARGV${i}}" "${ARGV${next}}" changed "${text}")
    if(changed STREQUAL text)
      message(FATAL_ERROR "${file} does not have the text that tether changes:\n${ARGV${i}}")
    endif()
    set(text "${changed}")
  endforeach()
  # Written only where it differs: a new time would compile it again.
  if(EXISTS "${output}")
    file(READ "${output}" before)
  endif()
  if(NOT "${before}" STREQUAL "${text}")
    file(WRITE "${output}" "${text}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
endfunction()

# Gemma's quote is one control token, which plain tokens can spell. In its place grammars have a character of private use. No
# class of characters has it (below), so texts of a length or a pattern need no exclusion.
change_xgrammar("${TETHER_XGRAMMAR_SOURCES}/cpp/converter_ext/gemma.cc" "${CMAKE_BINARY_DIR}/xgrammar/gemma.cc"
  [["<|\"|>"]] [["\xF4\x8F\xBF\xBD"]]
  [[#include "../]] [[#include "]]
  [[WarnDroppedLengthConstraints(spec, rule_name);]]
  [[int32_t character = builder_.AddCharacterClass({{0x10FFFD, 0x10FFFD}}, true);
    return GemmaString(Repeat(rule_name + "_characters", character, spec.min_length, spec.max_length));]]
  # Excluding takes a pattern's states to the power of two.
  [[return ExcludingString(regex, rule_name, false);]] [[return RegexExpression(regex, false);]])

# Numbers have no end in xgrammar's grammars, and readers of JSON take no more than a double holds. An integer has up to 19
# digits, as those of 64 bits (20 where its least value has 19); a fraction up to 20, an exponent up to 2. Texts whose length
# is bounded may have control characters there, which JSON's texts may not. A pattern that cannot be read as characters of
# JSON's texts is held as if these had no escapes. A name that the schema does not have must be none that it has, in another
# spelling: it leaves theirs before any escape, and not within a character of several bytes.
change_xgrammar("${TETHER_XGRAMMAR_SOURCES}/cpp/json_schema_converter.cc"
  "${CMAKE_BINARY_DIR}/xgrammar/json_schema_converter.cc"
  [[builder_.AddCharacterClassStar({{'0', '9'}})]]
  [[Repeat(rule_name + "_more_digits", builder_.AddCharacterClass({{'0', '9'}}), 0, 18)]]
  [[builder_.AddCharacterClass({{'0', '9'}}), 1, -1);]]
  [[builder_.AddCharacterClass({{'0', '9'}}), 1, 20);]]
  [[Choice({Empty(), builder_.AddCharacterClass({{'+', '+'}, {'-', '-'}})}),
            one_or_more_digits}]]
  [[Choice({Empty(), builder_.AddCharacterClass({{'+', '+'}, {'-', '-'}})}),
            Repeat(rule_name + "_exponent", builder_.AddCharacterClass({{'0', '9'}}), 1, 2)}]]
  [[builder_.AddCharacterClass({{'"', '"'}, {'\\', '\\'}, {'\r', '\r'}, {'\n', '\n'}}, true);]]
  [[builder_.AddCharacterClass({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}, true);]]
  [[return builder_.AddRegex(regex, json_string);
      }
    }
  }
]] [[return builder_.AddRegex(regex, json_string);
      }
    }
  }
  XGRAMMAR_CHECK(!json_string) << "JSON's texts cannot be held to the pattern " << regex;
]]
  [[for (unsigned char c : prop.name) {
      cur = &cur->children[c];
    }
    cur->is_terminal = true;]] [[auto name = picojson::value(prop.name).serialize();
    auto end = std::find_if(name.begin() + 1, name.end() - 1, [](unsigned char c) { return c >= 0x80; });
    for (auto at = name.begin() + 1; at != end; ++at) cur = &cur->children[static_cast<unsigned char>(*at)];
    if (end == name.end() - 1) {
      cur->is_terminal = true;
    } else {
      cur->children[0x80];
    }]]
  [[excluded.push_back({character, character});]]
  [[excluded.push_back({character, character < 0x80 ? character : 0x10FFFF});]]
  [[choices.push_back(Sequence({ByteString("\\"), RuleRef(kBasicEscape), RuleRef(kBasicStringSub)}));
  for (const auto& [character, child] : node.children) {
]] [[for (const auto& [character, child] : node.children) {
    if (character >= 0x80) continue;
]]
  [["[1-9]\\d{" + std::to_string(len) + ",}"]]
  [["[1-9]\\d{" + std::to_string(len) + "," + std::to_string(std::max(len, 18)) + "}"]])

# Classes of characters have surrogates, and forms that are longer than they need to be: no UTF-8, and a run of byte tokens with
# one of them is no text. They also have the character that stands for Gemma's quote, which is no part of a text.
change_xgrammar("${TETHER_XGRAMMAR_SOURCES}/cpp/fsm_builder.cc" "${CMAKE_BINARY_DIR}/xgrammar/fsm_builder.cc"
  [[void AddPackedUTF8RangeEdges(FSM& fsm, int from, int to, uint32_t min, uint32_t max) {]]
  [[void AddPackedUTF8RangeEdges(FSM& fsm, int from, int to, uint32_t min, uint32_t max) {
  // Between these two there is nothing.
  constexpr std::pair<uint32_t, uint32_t> kGaps[] = {
      {0x7F, 0xC280}, {0xDFBF, 0xE0A080}, {0xED9FBF, 0xEE8080}, {0xEFBFBF, 0xF0908080},
      {0xF48FBFBC, 0xF48FBFBE}};
  for (const auto& [last, next] : kGaps) {
    if (min > last && min < next) min = next;
    if (max > last && max < next) max = last;
    if (min > max) return;
    if (min > last || max < next) continue;
    AddPackedUTF8RangeEdges(fsm, from, to, min, last);
    min = next;
  }]])
