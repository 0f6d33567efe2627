// Made from openapi.yaml by generate.ts. Change those, never this file.
// src/wire/validate.js
var validateEnvelope = validate20;
var schema31 = { "type": "object", "properties": { "client_id": { "$ref": "ClientId" }, "clientId": { "$ref": "ClientId" }, "queue_id": { "$ref": "QueueId" }, "queueId": { "$ref": "QueueId" }, "transactions": { "type": ["array", "null"], "minItems": 1 } } };
var schema32 = { "type": ["string", "null"], "maxLength": 1024 };
var schema34 = { "type": ["string", "null"], "maxLength": 1024 };
function validate20(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate20.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      if (data.client_id !== void 0) {
        let data0 = data.client_id;
        const _errs1 = errors;
        const _errs2 = errors;
        if (typeof data0 !== "string" && data0 !== null) {
          validate20.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "ClientId/type", keyword: "type", params: { type: schema32.type }, message: "must be string,null" }];
          return false;
        }
        if (errors === _errs2) {
          if (typeof data0 === "string") {
            if (data0.length > 1024) {
              validate20.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "ClientId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
              return false;
            }
          }
        }
        var valid0 = _errs1 === errors;
      } else {
        var valid0 = true;
      }
      if (valid0) {
        if (data.clientId !== void 0) {
          let data1 = data.clientId;
          const _errs4 = errors;
          const _errs5 = errors;
          if (typeof data1 !== "string" && data1 !== null) {
            validate20.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "ClientId/type", keyword: "type", params: { type: schema32.type }, message: "must be string,null" }];
            return false;
          }
          if (errors === _errs5) {
            if (typeof data1 === "string") {
              if (data1.length > 1024) {
                validate20.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "ClientId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                return false;
              }
            }
          }
          var valid0 = _errs4 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.queue_id !== void 0) {
            let data2 = data.queue_id;
            const _errs7 = errors;
            const _errs8 = errors;
            if (typeof data2 !== "string" && data2 !== null) {
              validate20.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/type", keyword: "type", params: { type: schema34.type }, message: "must be string,null" }];
              return false;
            }
            if (errors === _errs8) {
              if (typeof data2 === "string") {
                if (data2.length > 1024) {
                  validate20.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                  return false;
                }
              }
            }
            var valid0 = _errs7 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.queueId !== void 0) {
              let data3 = data.queueId;
              const _errs10 = errors;
              const _errs11 = errors;
              if (typeof data3 !== "string" && data3 !== null) {
                validate20.errors = [{ instancePath: instancePath + "/queueId", schemaPath: "QueueId/type", keyword: "type", params: { type: schema34.type }, message: "must be string,null" }];
                return false;
              }
              if (errors === _errs11) {
                if (typeof data3 === "string") {
                  if (data3.length > 1024) {
                    validate20.errors = [{ instancePath: instancePath + "/queueId", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                    return false;
                  }
                }
              }
              var valid0 = _errs10 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.transactions !== void 0) {
                let data4 = data.transactions;
                const _errs13 = errors;
                if (!Array.isArray(data4) && data4 !== null) {
                  validate20.errors = [{ instancePath: instancePath + "/transactions", schemaPath: "#/properties/transactions/type", keyword: "type", params: { type: schema31.properties.transactions.type }, message: "must be array,null" }];
                  return false;
                }
                if (errors === _errs13) {
                  if (Array.isArray(data4)) {
                    if (data4.length < 1) {
                      validate20.errors = [{ instancePath: instancePath + "/transactions", schemaPath: "#/properties/transactions/minItems", keyword: "minItems", params: { limit: 1 }, message: "must NOT have fewer than 1 items" }];
                      return false;
                    }
                  }
                }
                var valid0 = _errs13 === errors;
              } else {
                var valid0 = true;
              }
            }
          }
        }
      }
    } else {
      validate20.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate20.errors = vErrors;
  return errors === 0;
}
validate20.evaluated = { "props": { "client_id": true, "clientId": true, "queue_id": true, "queueId": true, "transactions": true }, "dynamicProps": false, "dynamicItems": false };
var validateTransaction = validate21;
var schema37 = { "type": ["integer", "null"], "minimum": -9007199254740991, "maximum": 9007199254740991 };
var schema40 = { "type": ["integer", "null"], "minimum": 0, "maximum": 2147483647 };
var schema41 = { "type": "object", "required": ["op", "id"], "properties": { "op": { "type": "string", "enum": ["PUT", "PATCH", "DELETE"] }, "table": { "type": ["string", "null"], "minLength": 1 }, "type": { "type": ["string", "null"] }, "id": { "type": "string", "minLength": 1 }, "op_id": { "$ref": "OptionalInteger" }, "opId": { "$ref": "OptionalInteger" }, "clientId": { "$ref": "OptionalInteger" }, "transaction_id": { "$ref": "OptionalInteger" }, "transactionId": { "$ref": "OptionalInteger" }, "tx_id": { "$ref": "OptionalInteger" }, "op_data": { "$ref": "Values" }, "opData": { "$ref": "Values" }, "data": { "$ref": "Values" }, "previous_values": { "$ref": "Values" }, "previousValues": { "$ref": "Values" }, "old": { "$ref": "Values" }, "metadata": { "type": ["string", "null"] } }, "if": { "properties": { "table": { "type": "null" } } }, "then": { "required": ["type"], "properties": { "type": { "type": "string", "minLength": 1 } } }, "not": { "type": "object", "required": ["op"], "properties": { "op": { "enum": ["PUT", "PATCH"] }, "op_data": { "type": "null" }, "opData": { "type": "null" }, "data": { "type": "null" } } } };
var schema48 = { "type": ["object", "null"], "additionalProperties": true };
function validate22(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate22.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  const _errs1 = errors;
  const _errs2 = errors;
  if (errors === _errs2) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.op === void 0 && (missing0 = "op")) {
        const err0 = {};
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      } else {
        if (data.op !== void 0) {
          let data0 = data.op;
          const _errs4 = errors;
          if (!(data0 === "PUT" || data0 === "PATCH")) {
            const err1 = {};
            if (vErrors === null) {
              vErrors = [err1];
            } else {
              vErrors.push(err1);
            }
            errors++;
          }
          var valid1 = _errs4 === errors;
        } else {
          var valid1 = true;
        }
        if (valid1) {
          if (data.op_data !== void 0) {
            const _errs5 = errors;
            if (data.op_data !== null) {
              const err2 = {};
              if (vErrors === null) {
                vErrors = [err2];
              } else {
                vErrors.push(err2);
              }
              errors++;
            }
            var valid1 = _errs5 === errors;
          } else {
            var valid1 = true;
          }
          if (valid1) {
            if (data.opData !== void 0) {
              const _errs7 = errors;
              if (data.opData !== null) {
                const err3 = {};
                if (vErrors === null) {
                  vErrors = [err3];
                } else {
                  vErrors.push(err3);
                }
                errors++;
              }
              var valid1 = _errs7 === errors;
            } else {
              var valid1 = true;
            }
            if (valid1) {
              if (data.data !== void 0) {
                const _errs9 = errors;
                if (data.data !== null) {
                  const err4 = {};
                  if (vErrors === null) {
                    vErrors = [err4];
                  } else {
                    vErrors.push(err4);
                  }
                  errors++;
                }
                var valid1 = _errs9 === errors;
              } else {
                var valid1 = true;
              }
            }
          }
        }
      }
    } else {
      const err5 = {};
      if (vErrors === null) {
        vErrors = [err5];
      } else {
        vErrors.push(err5);
      }
      errors++;
    }
  }
  var valid0 = _errs2 === errors;
  if (valid0) {
    validate22.errors = [{ instancePath, schemaPath: "#/not", keyword: "not", params: {}, message: "must NOT be valid" }];
    return false;
  } else {
    errors = _errs1;
    if (vErrors !== null) {
      if (_errs1) {
        vErrors.length = _errs1;
      } else {
        vErrors = null;
      }
    }
    const _errs11 = errors;
    let valid2 = true;
    const _errs12 = errors;
    if (data && typeof data == "object" && !Array.isArray(data)) {
      if (data.table !== void 0) {
        if (data.table !== null) {
          const err6 = {};
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      }
    }
    var _valid0 = _errs12 === errors;
    errors = _errs11;
    if (vErrors !== null) {
      if (_errs11) {
        vErrors.length = _errs11;
      } else {
        vErrors = null;
      }
    }
    if (_valid0) {
      const _errs15 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        let missing1;
        if (data.type === void 0 && (missing1 = "type")) {
          validate22.errors = [{ instancePath, schemaPath: "#/then/required", keyword: "required", params: { missingProperty: missing1 }, message: "must have required property '" + missing1 + "'" }];
          return false;
        } else {
          if (data.type !== void 0) {
            let data5 = data.type;
            const _errs16 = errors;
            if (errors === _errs16) {
              if (typeof data5 === "string") {
                if (data5.length < 1) {
                  validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/then/properties/type/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                }
              } else {
                validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/then/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                return false;
              }
            }
          }
        }
      }
      var _valid0 = _errs15 === errors;
      valid2 = _valid0;
      if (valid2) {
        var props0 = {};
        props0.type = true;
        props0.table = true;
      }
    }
    if (!valid2) {
      const err7 = { instancePath, schemaPath: "#/if", keyword: "if", params: { failingKeyword: "then" }, message: 'must match "then" schema' };
      if (vErrors === null) {
        vErrors = [err7];
      } else {
        vErrors.push(err7);
      }
      errors++;
      validate22.errors = vErrors;
      return false;
    }
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing2;
      if (data.op === void 0 && (missing2 = "op") || data.id === void 0 && (missing2 = "id")) {
        validate22.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing2 }, message: "must have required property '" + missing2 + "'" }];
        return false;
      } else {
        if (props0 !== true) {
          props0 = props0 || {};
          props0.op = true;
          props0.table = true;
          props0.type = true;
          props0.id = true;
          props0.op_id = true;
          props0.opId = true;
          props0.clientId = true;
          props0.transaction_id = true;
          props0.transactionId = true;
          props0.tx_id = true;
          props0.op_data = true;
          props0.opData = true;
          props0.data = true;
          props0.previous_values = true;
          props0.previousValues = true;
          props0.old = true;
          props0.metadata = true;
        }
        if (data.op !== void 0) {
          let data6 = data.op;
          const _errs18 = errors;
          if (typeof data6 !== "string") {
            validate22.errors = [{ instancePath: instancePath + "/op", schemaPath: "#/properties/op/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if (!(data6 === "PUT" || data6 === "PATCH" || data6 === "DELETE")) {
            validate22.errors = [{ instancePath: instancePath + "/op", schemaPath: "#/properties/op/enum", keyword: "enum", params: { allowedValues: schema41.properties.op.enum }, message: "must be equal to one of the allowed values" }];
            return false;
          }
          var valid5 = _errs18 === errors;
        } else {
          var valid5 = true;
        }
        if (valid5) {
          if (data.table !== void 0) {
            let data7 = data.table;
            const _errs20 = errors;
            if (typeof data7 !== "string" && data7 !== null) {
              validate22.errors = [{ instancePath: instancePath + "/table", schemaPath: "#/properties/table/type", keyword: "type", params: { type: schema41.properties.table.type }, message: "must be string,null" }];
              return false;
            }
            if (errors === _errs20) {
              if (typeof data7 === "string") {
                if (data7.length < 1) {
                  validate22.errors = [{ instancePath: instancePath + "/table", schemaPath: "#/properties/table/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                }
              }
            }
            var valid5 = _errs20 === errors;
          } else {
            var valid5 = true;
          }
          if (valid5) {
            if (data.type !== void 0) {
              let data8 = data.type;
              const _errs22 = errors;
              if (typeof data8 !== "string" && data8 !== null) {
                validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: schema41.properties.type.type }, message: "must be string,null" }];
                return false;
              }
              var valid5 = _errs22 === errors;
            } else {
              var valid5 = true;
            }
            if (valid5) {
              if (data.id !== void 0) {
                let data9 = data.id;
                const _errs24 = errors;
                if (errors === _errs24) {
                  if (typeof data9 === "string") {
                    if (data9.length < 1) {
                      validate22.errors = [{ instancePath: instancePath + "/id", schemaPath: "#/properties/id/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                      return false;
                    }
                  } else {
                    validate22.errors = [{ instancePath: instancePath + "/id", schemaPath: "#/properties/id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                    return false;
                  }
                }
                var valid5 = _errs24 === errors;
              } else {
                var valid5 = true;
              }
              if (valid5) {
                if (data.op_id !== void 0) {
                  let data10 = data.op_id;
                  const _errs26 = errors;
                  const _errs27 = errors;
                  if (!(typeof data10 == "number" && (!(data10 % 1) && !isNaN(data10)) && isFinite(data10)) && data10 !== null) {
                    validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                    return false;
                  }
                  if (errors === _errs27) {
                    if (typeof data10 == "number" && isFinite(data10)) {
                      if (data10 > 9007199254740991 || isNaN(data10)) {
                        validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                        return false;
                      } else {
                        if (data10 < -9007199254740991 || isNaN(data10)) {
                          validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                          return false;
                        }
                      }
                    }
                  }
                  var valid5 = _errs26 === errors;
                } else {
                  var valid5 = true;
                }
                if (valid5) {
                  if (data.opId !== void 0) {
                    let data11 = data.opId;
                    const _errs29 = errors;
                    const _errs30 = errors;
                    if (!(typeof data11 == "number" && (!(data11 % 1) && !isNaN(data11)) && isFinite(data11)) && data11 !== null) {
                      validate22.errors = [{ instancePath: instancePath + "/opId", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                      return false;
                    }
                    if (errors === _errs30) {
                      if (typeof data11 == "number" && isFinite(data11)) {
                        if (data11 > 9007199254740991 || isNaN(data11)) {
                          validate22.errors = [{ instancePath: instancePath + "/opId", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                          return false;
                        } else {
                          if (data11 < -9007199254740991 || isNaN(data11)) {
                            validate22.errors = [{ instancePath: instancePath + "/opId", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                            return false;
                          }
                        }
                      }
                    }
                    var valid5 = _errs29 === errors;
                  } else {
                    var valid5 = true;
                  }
                  if (valid5) {
                    if (data.clientId !== void 0) {
                      let data12 = data.clientId;
                      const _errs32 = errors;
                      const _errs33 = errors;
                      if (!(typeof data12 == "number" && (!(data12 % 1) && !isNaN(data12)) && isFinite(data12)) && data12 !== null) {
                        validate22.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                        return false;
                      }
                      if (errors === _errs33) {
                        if (typeof data12 == "number" && isFinite(data12)) {
                          if (data12 > 9007199254740991 || isNaN(data12)) {
                            validate22.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                            return false;
                          } else {
                            if (data12 < -9007199254740991 || isNaN(data12)) {
                              validate22.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                              return false;
                            }
                          }
                        }
                      }
                      var valid5 = _errs32 === errors;
                    } else {
                      var valid5 = true;
                    }
                    if (valid5) {
                      if (data.transaction_id !== void 0) {
                        let data13 = data.transaction_id;
                        const _errs35 = errors;
                        const _errs36 = errors;
                        if (!(typeof data13 == "number" && (!(data13 % 1) && !isNaN(data13)) && isFinite(data13)) && data13 !== null) {
                          validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                          return false;
                        }
                        if (errors === _errs36) {
                          if (typeof data13 == "number" && isFinite(data13)) {
                            if (data13 > 9007199254740991 || isNaN(data13)) {
                              validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                              return false;
                            } else {
                              if (data13 < -9007199254740991 || isNaN(data13)) {
                                validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                                return false;
                              }
                            }
                          }
                        }
                        var valid5 = _errs35 === errors;
                      } else {
                        var valid5 = true;
                      }
                      if (valid5) {
                        if (data.transactionId !== void 0) {
                          let data14 = data.transactionId;
                          const _errs38 = errors;
                          const _errs39 = errors;
                          if (!(typeof data14 == "number" && (!(data14 % 1) && !isNaN(data14)) && isFinite(data14)) && data14 !== null) {
                            validate22.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                            return false;
                          }
                          if (errors === _errs39) {
                            if (typeof data14 == "number" && isFinite(data14)) {
                              if (data14 > 9007199254740991 || isNaN(data14)) {
                                validate22.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                                return false;
                              } else {
                                if (data14 < -9007199254740991 || isNaN(data14)) {
                                  validate22.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                                  return false;
                                }
                              }
                            }
                          }
                          var valid5 = _errs38 === errors;
                        } else {
                          var valid5 = true;
                        }
                        if (valid5) {
                          if (data.tx_id !== void 0) {
                            let data15 = data.tx_id;
                            const _errs41 = errors;
                            const _errs42 = errors;
                            if (!(typeof data15 == "number" && (!(data15 % 1) && !isNaN(data15)) && isFinite(data15)) && data15 !== null) {
                              validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                              return false;
                            }
                            if (errors === _errs42) {
                              if (typeof data15 == "number" && isFinite(data15)) {
                                if (data15 > 9007199254740991 || isNaN(data15)) {
                                  validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                                  return false;
                                } else {
                                  if (data15 < -9007199254740991 || isNaN(data15)) {
                                    validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                                    return false;
                                  }
                                }
                              }
                            }
                            var valid5 = _errs41 === errors;
                          } else {
                            var valid5 = true;
                          }
                          if (valid5) {
                            if (data.op_data !== void 0) {
                              let data16 = data.op_data;
                              const _errs44 = errors;
                              if (!(data16 && typeof data16 == "object" && !Array.isArray(data16)) && data16 !== null) {
                                validate22.errors = [{ instancePath: instancePath + "/op_data", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                return false;
                              }
                              var valid5 = _errs44 === errors;
                            } else {
                              var valid5 = true;
                            }
                            if (valid5) {
                              if (data.opData !== void 0) {
                                let data17 = data.opData;
                                const _errs48 = errors;
                                if (!(data17 && typeof data17 == "object" && !Array.isArray(data17)) && data17 !== null) {
                                  validate22.errors = [{ instancePath: instancePath + "/opData", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                  return false;
                                }
                                var valid5 = _errs48 === errors;
                              } else {
                                var valid5 = true;
                              }
                              if (valid5) {
                                if (data.data !== void 0) {
                                  let data18 = data.data;
                                  const _errs52 = errors;
                                  if (!(data18 && typeof data18 == "object" && !Array.isArray(data18)) && data18 !== null) {
                                    validate22.errors = [{ instancePath: instancePath + "/data", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                    return false;
                                  }
                                  var valid5 = _errs52 === errors;
                                } else {
                                  var valid5 = true;
                                }
                                if (valid5) {
                                  if (data.previous_values !== void 0) {
                                    let data19 = data.previous_values;
                                    const _errs56 = errors;
                                    if (!(data19 && typeof data19 == "object" && !Array.isArray(data19)) && data19 !== null) {
                                      validate22.errors = [{ instancePath: instancePath + "/previous_values", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                      return false;
                                    }
                                    var valid5 = _errs56 === errors;
                                  } else {
                                    var valid5 = true;
                                  }
                                  if (valid5) {
                                    if (data.previousValues !== void 0) {
                                      let data20 = data.previousValues;
                                      const _errs60 = errors;
                                      if (!(data20 && typeof data20 == "object" && !Array.isArray(data20)) && data20 !== null) {
                                        validate22.errors = [{ instancePath: instancePath + "/previousValues", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                        return false;
                                      }
                                      var valid5 = _errs60 === errors;
                                    } else {
                                      var valid5 = true;
                                    }
                                    if (valid5) {
                                      if (data.old !== void 0) {
                                        let data21 = data.old;
                                        const _errs64 = errors;
                                        if (!(data21 && typeof data21 == "object" && !Array.isArray(data21)) && data21 !== null) {
                                          validate22.errors = [{ instancePath: instancePath + "/old", schemaPath: "Values/type", keyword: "type", params: { type: schema48.type }, message: "must be object,null" }];
                                          return false;
                                        }
                                        var valid5 = _errs64 === errors;
                                      } else {
                                        var valid5 = true;
                                      }
                                      if (valid5) {
                                        if (data.metadata !== void 0) {
                                          let data22 = data.metadata;
                                          const _errs68 = errors;
                                          if (typeof data22 !== "string" && data22 !== null) {
                                            validate22.errors = [{ instancePath: instancePath + "/metadata", schemaPath: "#/properties/metadata/type", keyword: "type", params: { type: schema41.properties.metadata.type }, message: "must be string,null" }];
                                            return false;
                                          }
                                          var valid5 = _errs68 === errors;
                                        } else {
                                          var valid5 = true;
                                        }
                                      }
                                    }
                                  }
                                }
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate22.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate22.errors = vErrors;
  evaluated0.props = props0;
  return errors === 0;
}
validate22.evaluated = { "dynamicProps": true, "dynamicItems": false };
function validate21(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate21.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.crud === void 0 && (missing0 = "crud")) {
        validate21.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.transaction_id !== void 0) {
          let data0 = data.transaction_id;
          const _errs1 = errors;
          const _errs2 = errors;
          if (!(typeof data0 == "number" && (!(data0 % 1) && !isNaN(data0)) && isFinite(data0)) && data0 !== null) {
            validate21.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
            return false;
          }
          if (errors === _errs2) {
            if (typeof data0 == "number" && isFinite(data0)) {
              if (data0 > 9007199254740991 || isNaN(data0)) {
                validate21.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                return false;
              } else {
                if (data0 < -9007199254740991 || isNaN(data0)) {
                  validate21.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                  return false;
                }
              }
            }
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.transactionId !== void 0) {
            let data1 = data.transactionId;
            const _errs4 = errors;
            const _errs5 = errors;
            if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1)) && data1 !== null) {
              validate21.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
              return false;
            }
            if (errors === _errs5) {
              if (typeof data1 == "number" && isFinite(data1)) {
                if (data1 > 9007199254740991 || isNaN(data1)) {
                  validate21.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                  return false;
                } else {
                  if (data1 < -9007199254740991 || isNaN(data1)) {
                    validate21.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                    return false;
                  }
                }
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.tx_id !== void 0) {
              let data2 = data.tx_id;
              const _errs7 = errors;
              const _errs8 = errors;
              if (!(typeof data2 == "number" && (!(data2 % 1) && !isNaN(data2)) && isFinite(data2)) && data2 !== null) {
                validate21.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                return false;
              }
              if (errors === _errs8) {
                if (typeof data2 == "number" && isFinite(data2)) {
                  if (data2 > 9007199254740991 || isNaN(data2)) {
                    validate21.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                    return false;
                  } else {
                    if (data2 < -9007199254740991 || isNaN(data2)) {
                      validate21.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                      return false;
                    }
                  }
                }
              }
              var valid0 = _errs7 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.handling !== void 0) {
                let data3 = data.handling;
                const _errs10 = errors;
                const _errs11 = errors;
                if (!(typeof data3 == "number" && (!(data3 % 1) && !isNaN(data3)) && isFinite(data3)) && data3 !== null) {
                  validate21.errors = [{ instancePath: instancePath + "/handling", schemaPath: "Handling/type", keyword: "type", params: { type: schema40.type }, message: "must be integer,null" }];
                  return false;
                }
                if (errors === _errs11) {
                  if (typeof data3 == "number" && isFinite(data3)) {
                    if (data3 > 2147483647 || isNaN(data3)) {
                      validate21.errors = [{ instancePath: instancePath + "/handling", schemaPath: "Handling/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483647 }, message: "must be <= 2147483647" }];
                      return false;
                    } else {
                      if (data3 < 0 || isNaN(data3)) {
                        validate21.errors = [{ instancePath: instancePath + "/handling", schemaPath: "Handling/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 }, message: "must be >= 0" }];
                        return false;
                      }
                    }
                  }
                }
                var valid0 = _errs10 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.crud !== void 0) {
                  let data4 = data.crud;
                  const _errs13 = errors;
                  if (errors === _errs13) {
                    if (Array.isArray(data4)) {
                      var valid5 = true;
                      const len0 = data4.length;
                      for (let i0 = 0; i0 < len0; i0++) {
                        const _errs15 = errors;
                        if (!validate22(data4[i0], { instancePath: instancePath + "/crud/" + i0, parentData: data4, parentDataProperty: i0, rootData, dynamicAnchors })) {
                          vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
                          errors = vErrors.length;
                        }
                        var valid5 = _errs15 === errors;
                        if (!valid5) {
                          break;
                        }
                      }
                    } else {
                      validate21.errors = [{ instancePath: instancePath + "/crud", schemaPath: "#/properties/crud/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                      return false;
                    }
                  }
                  var valid0 = _errs13 === errors;
                } else {
                  var valid0 = true;
                }
              }
            }
          }
        }
      }
    } else {
      validate21.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate21.errors = vErrors;
  return errors === 0;
}
validate21.evaluated = { "props": { "transaction_id": true, "transactionId": true, "tx_id": true, "handling": true, "crud": true }, "dynamicProps": false, "dynamicItems": false };
var validateDemoBatch = validate24;
function validate24(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate24.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.batch === void 0 && (missing0 = "batch")) {
        validate24.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.client_id !== void 0) {
          let data0 = data.client_id;
          const _errs1 = errors;
          const _errs2 = errors;
          if (typeof data0 !== "string" && data0 !== null) {
            validate24.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "ClientId/type", keyword: "type", params: { type: schema32.type }, message: "must be string,null" }];
            return false;
          }
          if (errors === _errs2) {
            if (typeof data0 === "string") {
              if (data0.length > 1024) {
                validate24.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "ClientId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                return false;
              }
            }
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.clientId !== void 0) {
            let data1 = data.clientId;
            const _errs4 = errors;
            const _errs5 = errors;
            if (typeof data1 !== "string" && data1 !== null) {
              validate24.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "ClientId/type", keyword: "type", params: { type: schema32.type }, message: "must be string,null" }];
              return false;
            }
            if (errors === _errs5) {
              if (typeof data1 === "string") {
                if (data1.length > 1024) {
                  validate24.errors = [{ instancePath: instancePath + "/clientId", schemaPath: "ClientId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                  return false;
                }
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.queue_id !== void 0) {
              let data2 = data.queue_id;
              const _errs7 = errors;
              const _errs8 = errors;
              if (typeof data2 !== "string" && data2 !== null) {
                validate24.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/type", keyword: "type", params: { type: schema34.type }, message: "must be string,null" }];
                return false;
              }
              if (errors === _errs8) {
                if (typeof data2 === "string") {
                  if (data2.length > 1024) {
                    validate24.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                    return false;
                  }
                }
              }
              var valid0 = _errs7 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.queueId !== void 0) {
                let data3 = data.queueId;
                const _errs10 = errors;
                const _errs11 = errors;
                if (typeof data3 !== "string" && data3 !== null) {
                  validate24.errors = [{ instancePath: instancePath + "/queueId", schemaPath: "QueueId/type", keyword: "type", params: { type: schema34.type }, message: "must be string,null" }];
                  return false;
                }
                if (errors === _errs11) {
                  if (typeof data3 === "string") {
                    if (data3.length > 1024) {
                      validate24.errors = [{ instancePath: instancePath + "/queueId", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                      return false;
                    }
                  }
                }
                var valid0 = _errs10 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.transaction_id !== void 0) {
                  let data4 = data.transaction_id;
                  const _errs13 = errors;
                  const _errs14 = errors;
                  if (!(typeof data4 == "number" && (!(data4 % 1) && !isNaN(data4)) && isFinite(data4)) && data4 !== null) {
                    validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                    return false;
                  }
                  if (errors === _errs14) {
                    if (typeof data4 == "number" && isFinite(data4)) {
                      if (data4 > 9007199254740991 || isNaN(data4)) {
                        validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                        return false;
                      } else {
                        if (data4 < -9007199254740991 || isNaN(data4)) {
                          validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                          return false;
                        }
                      }
                    }
                  }
                  var valid0 = _errs13 === errors;
                } else {
                  var valid0 = true;
                }
                if (valid0) {
                  if (data.transactionId !== void 0) {
                    let data5 = data.transactionId;
                    const _errs16 = errors;
                    const _errs17 = errors;
                    if (!(typeof data5 == "number" && (!(data5 % 1) && !isNaN(data5)) && isFinite(data5)) && data5 !== null) {
                      validate24.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                      return false;
                    }
                    if (errors === _errs17) {
                      if (typeof data5 == "number" && isFinite(data5)) {
                        if (data5 > 9007199254740991 || isNaN(data5)) {
                          validate24.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                          return false;
                        } else {
                          if (data5 < -9007199254740991 || isNaN(data5)) {
                            validate24.errors = [{ instancePath: instancePath + "/transactionId", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                            return false;
                          }
                        }
                      }
                    }
                    var valid0 = _errs16 === errors;
                  } else {
                    var valid0 = true;
                  }
                  if (valid0) {
                    if (data.tx_id !== void 0) {
                      let data6 = data.tx_id;
                      const _errs19 = errors;
                      const _errs20 = errors;
                      if (!(typeof data6 == "number" && (!(data6 % 1) && !isNaN(data6)) && isFinite(data6)) && data6 !== null) {
                        validate24.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema37.type }, message: "must be integer,null" }];
                        return false;
                      }
                      if (errors === _errs20) {
                        if (typeof data6 == "number" && isFinite(data6)) {
                          if (data6 > 9007199254740991 || isNaN(data6)) {
                            validate24.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                            return false;
                          } else {
                            if (data6 < -9007199254740991 || isNaN(data6)) {
                              validate24.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                              return false;
                            }
                          }
                        }
                      }
                      var valid0 = _errs19 === errors;
                    } else {
                      var valid0 = true;
                    }
                    if (valid0) {
                      if (data.batch !== void 0) {
                        let data7 = data.batch;
                        const _errs22 = errors;
                        if (errors === _errs22) {
                          if (Array.isArray(data7)) {
                            var valid8 = true;
                            const len0 = data7.length;
                            for (let i0 = 0; i0 < len0; i0++) {
                              const _errs24 = errors;
                              if (!validate22(data7[i0], { instancePath: instancePath + "/batch/" + i0, parentData: data7, parentDataProperty: i0, rootData, dynamicAnchors })) {
                                vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
                                errors = vErrors.length;
                              }
                              var valid8 = _errs24 === errors;
                              if (!valid8) {
                                break;
                              }
                            }
                          } else {
                            validate24.errors = [{ instancePath: instancePath + "/batch", schemaPath: "#/properties/batch/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                            return false;
                          }
                        }
                        var valid0 = _errs22 === errors;
                      } else {
                        var valid0 = true;
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate24.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate24.errors = vErrors;
  return errors === 0;
}
validate24.evaluated = { "props": { "client_id": true, "clientId": true, "queue_id": true, "queueId": true, "transaction_id": true, "transactionId": true, "tx_id": true, "batch": true }, "dynamicProps": false, "dynamicItems": false };
var validateCheckpoint = validate26;
function validate26(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate26.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.client_id === void 0 && (missing0 = "client_id")) {
        validate26.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.client_id !== void 0) {
          let data0 = data.client_id;
          const _errs2 = errors;
          if (errors === _errs2) {
            if (typeof data0 === "string") {
              if (data0.length > 255) {
                validate26.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/maxLength", keyword: "maxLength", params: { limit: 255 }, message: "must NOT have more than 255 characters" }];
                return false;
              } else {
                if (data0.length < 1) {
                  validate26.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                }
              }
            } else {
              validate26.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
              return false;
            }
          }
        }
      }
    } else {
      validate26.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate26.errors = vErrors;
  return errors === 0;
}
validate26.evaluated = { "props": { "client_id": true }, "dynamicProps": false, "dynamicItems": false };
var validateCheckpointRequest = validate27;
var schema64 = { "type": "object", "required": ["client_id", "checkpoint_request_id"], "properties": { "client_id": { "$ref": "CheckpointClientId" }, "checkpoint_request_id": { "type": ["string", "integer"], "pattern": "^[0-9]{1,19}$", "minimum": 0, "maximum": 9007199254740991 } } };
var pattern4 = new RegExp("^[0-9]{1,19}$", "u");
function validate27(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate27.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.client_id === void 0 && (missing0 = "client_id") || data.checkpoint_request_id === void 0 && (missing0 = "checkpoint_request_id")) {
        validate27.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.client_id !== void 0) {
          let data0 = data.client_id;
          const _errs1 = errors;
          const _errs2 = errors;
          if (errors === _errs2) {
            if (typeof data0 === "string") {
              if (data0.length > 255) {
                validate27.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/maxLength", keyword: "maxLength", params: { limit: 255 }, message: "must NOT have more than 255 characters" }];
                return false;
              } else {
                if (data0.length < 1) {
                  validate27.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                }
              }
            } else {
              validate27.errors = [{ instancePath: instancePath + "/client_id", schemaPath: "CheckpointClientId/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
              return false;
            }
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.checkpoint_request_id !== void 0) {
            let data1 = data.checkpoint_request_id;
            const _errs4 = errors;
            if (typeof data1 !== "string" && !(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
              validate27.errors = [{ instancePath: instancePath + "/checkpoint_request_id", schemaPath: "#/properties/checkpoint_request_id/type", keyword: "type", params: { type: schema64.properties.checkpoint_request_id.type }, message: "must be string,integer" }];
              return false;
            }
            if (errors === _errs4) {
              if (typeof data1 == "number" && isFinite(data1)) {
                if (data1 > 9007199254740991 || isNaN(data1)) {
                  validate27.errors = [{ instancePath: instancePath + "/checkpoint_request_id", schemaPath: "#/properties/checkpoint_request_id/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                  return false;
                } else {
                  if (data1 < 0 || isNaN(data1)) {
                    validate27.errors = [{ instancePath: instancePath + "/checkpoint_request_id", schemaPath: "#/properties/checkpoint_request_id/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 }, message: "must be >= 0" }];
                    return false;
                  }
                }
              }
              if (errors === _errs4) {
                if (typeof data1 === "string") {
                  if (!pattern4.test(data1)) {
                    validate27.errors = [{ instancePath: instancePath + "/checkpoint_request_id", schemaPath: "#/properties/checkpoint_request_id/pattern", keyword: "pattern", params: { pattern: "^[0-9]{1,19}$" }, message: 'must match pattern "^[0-9]{1,19}$"' }];
                    return false;
                  }
                }
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
        }
      }
    } else {
      validate27.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate27.errors = vErrors;
  return errors === 0;
}
validate27.evaluated = { "props": { "client_id": true, "checkpoint_request_id": true }, "dynamicProps": false, "dynamicItems": false };
export {
  validateCheckpoint,
  validateCheckpointRequest,
  validateDemoBatch,
  validateEnvelope,
  validateTransaction
};
