// JavaScript's Rows: a search index's file of vectors, scanned by all threads. Made by openRows() only.
#pragma once

#include "binding/search/row-file.h"

#include <napi.h>

#include <memory>

namespace ggclip::binding {

class rows_object : public Napi::ObjectWrap<rows_object> {
  public:
    static void define(Napi::Env env);
    // openRows(path) -> { promise, abort }
    static Napi::Value open(const Napi::CallbackInfo & info);
    explicit rows_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value scan(const Napi::CallbackInfo & info);
    void close(const Napi::CallbackInfo & info);

    std::shared_ptr<const row_file> file_;
};

// scanRows(options): rows in memory only
Napi::Value scan_rows(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
