// Made from openapi.yaml by generate.ts. Change those, never this file.
// src/wire/validate.js
var validateEnvelope = validate20;
var schema31 = { "type": "object", "properties": { "client_id": { "$ref": "ClientId" }, "queue_id": { "$ref": "QueueId" }, "transactions": { "type": ["array", "null"], "minItems": 1 } } };
var schema32 = { "type": ["string", "null"], "maxLength": 1024 };
var schema33 = { "type": ["string", "null"], "maxLength": 1024 };
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
        if (data.queue_id !== void 0) {
          let data1 = data.queue_id;
          const _errs4 = errors;
          const _errs5 = errors;
          if (typeof data1 !== "string" && data1 !== null) {
            validate20.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/type", keyword: "type", params: { type: schema33.type }, message: "must be string,null" }];
            return false;
          }
          if (errors === _errs5) {
            if (typeof data1 === "string") {
              if (data1.length > 1024) {
                validate20.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                return false;
              }
            }
          }
          var valid0 = _errs4 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.transactions !== void 0) {
            let data2 = data.transactions;
            const _errs7 = errors;
            if (!Array.isArray(data2) && data2 !== null) {
              validate20.errors = [{ instancePath: instancePath + "/transactions", schemaPath: "#/properties/transactions/type", keyword: "type", params: { type: schema31.properties.transactions.type }, message: "must be array,null" }];
              return false;
            }
            if (errors === _errs7) {
              if (Array.isArray(data2)) {
                if (data2.length < 1) {
                  validate20.errors = [{ instancePath: instancePath + "/transactions", schemaPath: "#/properties/transactions/minItems", keyword: "minItems", params: { limit: 1 }, message: "must NOT have fewer than 1 items" }];
                  return false;
                }
              }
            }
            var valid0 = _errs7 === errors;
          } else {
            var valid0 = true;
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
validate20.evaluated = { "props": { "client_id": true, "queue_id": true, "transactions": true }, "dynamicProps": false, "dynamicItems": false };
var validateTransaction = validate21;
var schema35 = { "type": ["integer", "null"], "minimum": -9007199254740991, "maximum": 9007199254740991 };
var schema36 = { "type": "object", "required": ["op", "id"], "properties": { "op": { "type": "string", "enum": ["PUT", "PATCH", "DELETE"] }, "table": { "type": ["string", "null"], "minLength": 1 }, "type": { "type": ["string", "null"] }, "id": { "type": "string", "minLength": 1 }, "op_id": { "$ref": "OptionalInteger" }, "transaction_id": { "$ref": "OptionalInteger" }, "tx_id": { "$ref": "OptionalInteger" }, "op_data": { "$ref": "Values" }, "data": { "$ref": "Values" }, "previous_values": { "$ref": "Values" }, "old": { "$ref": "Values" }, "metadata": { "type": ["string", "null"] } }, "if": { "properties": { "table": { "type": "null" } } }, "then": { "required": ["type"], "properties": { "type": { "type": "string", "minLength": 1 } } } };
var schema40 = { "type": ["object", "null"], "additionalProperties": true };
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
  let valid0 = true;
  const _errs2 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.table !== void 0) {
      if (data.table !== null) {
        const err0 = {};
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
  }
  var _valid0 = _errs2 === errors;
  errors = _errs1;
  if (vErrors !== null) {
    if (_errs1) {
      vErrors.length = _errs1;
    } else {
      vErrors = null;
    }
  }
  if (_valid0) {
    const _errs5 = errors;
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type")) {
        validate22.errors = [{ instancePath, schemaPath: "#/then/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data1 = data.type;
          const _errs6 = errors;
          if (errors === _errs6) {
            if (typeof data1 === "string") {
              if (data1.length < 1) {
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
    var _valid0 = _errs5 === errors;
    valid0 = _valid0;
    if (valid0) {
      var props0 = {};
      props0.type = true;
      props0.table = true;
    }
  }
  if (!valid0) {
    const err1 = { instancePath, schemaPath: "#/if", keyword: "if", params: { failingKeyword: "then" }, message: 'must match "then" schema' };
    if (vErrors === null) {
      vErrors = [err1];
    } else {
      vErrors.push(err1);
    }
    errors++;
    validate22.errors = vErrors;
    return false;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing1;
      if (data.op === void 0 && (missing1 = "op") || data.id === void 0 && (missing1 = "id")) {
        validate22.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing1 }, message: "must have required property '" + missing1 + "'" }];
        return false;
      } else {
        if (props0 !== true) {
          props0 = props0 || {};
          props0.op = true;
          props0.table = true;
          props0.type = true;
          props0.id = true;
          props0.op_id = true;
          props0.transaction_id = true;
          props0.tx_id = true;
          props0.op_data = true;
          props0.data = true;
          props0.previous_values = true;
          props0.old = true;
          props0.metadata = true;
        }
        if (data.op !== void 0) {
          let data2 = data.op;
          const _errs8 = errors;
          if (typeof data2 !== "string") {
            validate22.errors = [{ instancePath: instancePath + "/op", schemaPath: "#/properties/op/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if (!(data2 === "PUT" || data2 === "PATCH" || data2 === "DELETE")) {
            validate22.errors = [{ instancePath: instancePath + "/op", schemaPath: "#/properties/op/enum", keyword: "enum", params: { allowedValues: schema36.properties.op.enum }, message: "must be equal to one of the allowed values" }];
            return false;
          }
          var valid3 = _errs8 === errors;
        } else {
          var valid3 = true;
        }
        if (valid3) {
          if (data.table !== void 0) {
            let data3 = data.table;
            const _errs10 = errors;
            if (typeof data3 !== "string" && data3 !== null) {
              validate22.errors = [{ instancePath: instancePath + "/table", schemaPath: "#/properties/table/type", keyword: "type", params: { type: schema36.properties.table.type }, message: "must be string,null" }];
              return false;
            }
            if (errors === _errs10) {
              if (typeof data3 === "string") {
                if (data3.length < 1) {
                  validate22.errors = [{ instancePath: instancePath + "/table", schemaPath: "#/properties/table/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                }
              }
            }
            var valid3 = _errs10 === errors;
          } else {
            var valid3 = true;
          }
          if (valid3) {
            if (data.type !== void 0) {
              let data4 = data.type;
              const _errs12 = errors;
              if (typeof data4 !== "string" && data4 !== null) {
                validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: schema36.properties.type.type }, message: "must be string,null" }];
                return false;
              }
              var valid3 = _errs12 === errors;
            } else {
              var valid3 = true;
            }
            if (valid3) {
              if (data.id !== void 0) {
                let data5 = data.id;
                const _errs14 = errors;
                if (errors === _errs14) {
                  if (typeof data5 === "string") {
                    if (data5.length < 1) {
                      validate22.errors = [{ instancePath: instancePath + "/id", schemaPath: "#/properties/id/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                      return false;
                    }
                  } else {
                    validate22.errors = [{ instancePath: instancePath + "/id", schemaPath: "#/properties/id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                    return false;
                  }
                }
                var valid3 = _errs14 === errors;
              } else {
                var valid3 = true;
              }
              if (valid3) {
                if (data.op_id !== void 0) {
                  let data6 = data.op_id;
                  const _errs16 = errors;
                  const _errs17 = errors;
                  if (!(typeof data6 == "number" && (!(data6 % 1) && !isNaN(data6)) && isFinite(data6)) && data6 !== null) {
                    validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema35.type }, message: "must be integer,null" }];
                    return false;
                  }
                  if (errors === _errs17) {
                    if (typeof data6 == "number" && isFinite(data6)) {
                      if (data6 > 9007199254740991 || isNaN(data6)) {
                        validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                        return false;
                      } else {
                        if (data6 < -9007199254740991 || isNaN(data6)) {
                          validate22.errors = [{ instancePath: instancePath + "/op_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                          return false;
                        }
                      }
                    }
                  }
                  var valid3 = _errs16 === errors;
                } else {
                  var valid3 = true;
                }
                if (valid3) {
                  if (data.transaction_id !== void 0) {
                    let data7 = data.transaction_id;
                    const _errs19 = errors;
                    const _errs20 = errors;
                    if (!(typeof data7 == "number" && (!(data7 % 1) && !isNaN(data7)) && isFinite(data7)) && data7 !== null) {
                      validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema35.type }, message: "must be integer,null" }];
                      return false;
                    }
                    if (errors === _errs20) {
                      if (typeof data7 == "number" && isFinite(data7)) {
                        if (data7 > 9007199254740991 || isNaN(data7)) {
                          validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                          return false;
                        } else {
                          if (data7 < -9007199254740991 || isNaN(data7)) {
                            validate22.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                            return false;
                          }
                        }
                      }
                    }
                    var valid3 = _errs19 === errors;
                  } else {
                    var valid3 = true;
                  }
                  if (valid3) {
                    if (data.tx_id !== void 0) {
                      let data8 = data.tx_id;
                      const _errs22 = errors;
                      const _errs23 = errors;
                      if (!(typeof data8 == "number" && (!(data8 % 1) && !isNaN(data8)) && isFinite(data8)) && data8 !== null) {
                        validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema35.type }, message: "must be integer,null" }];
                        return false;
                      }
                      if (errors === _errs23) {
                        if (typeof data8 == "number" && isFinite(data8)) {
                          if (data8 > 9007199254740991 || isNaN(data8)) {
                            validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                            return false;
                          } else {
                            if (data8 < -9007199254740991 || isNaN(data8)) {
                              validate22.errors = [{ instancePath: instancePath + "/tx_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
                              return false;
                            }
                          }
                        }
                      }
                      var valid3 = _errs22 === errors;
                    } else {
                      var valid3 = true;
                    }
                    if (valid3) {
                      if (data.op_data !== void 0) {
                        let data9 = data.op_data;
                        const _errs25 = errors;
                        if (!(data9 && typeof data9 == "object" && !Array.isArray(data9)) && data9 !== null) {
                          validate22.errors = [{ instancePath: instancePath + "/op_data", schemaPath: "Values/type", keyword: "type", params: { type: schema40.type }, message: "must be object,null" }];
                          return false;
                        }
                        var valid3 = _errs25 === errors;
                      } else {
                        var valid3 = true;
                      }
                      if (valid3) {
                        if (data.data !== void 0) {
                          let data10 = data.data;
                          const _errs29 = errors;
                          if (!(data10 && typeof data10 == "object" && !Array.isArray(data10)) && data10 !== null) {
                            validate22.errors = [{ instancePath: instancePath + "/data", schemaPath: "Values/type", keyword: "type", params: { type: schema40.type }, message: "must be object,null" }];
                            return false;
                          }
                          var valid3 = _errs29 === errors;
                        } else {
                          var valid3 = true;
                        }
                        if (valid3) {
                          if (data.previous_values !== void 0) {
                            let data11 = data.previous_values;
                            const _errs33 = errors;
                            if (!(data11 && typeof data11 == "object" && !Array.isArray(data11)) && data11 !== null) {
                              validate22.errors = [{ instancePath: instancePath + "/previous_values", schemaPath: "Values/type", keyword: "type", params: { type: schema40.type }, message: "must be object,null" }];
                              return false;
                            }
                            var valid3 = _errs33 === errors;
                          } else {
                            var valid3 = true;
                          }
                          if (valid3) {
                            if (data.old !== void 0) {
                              let data12 = data.old;
                              const _errs37 = errors;
                              if (!(data12 && typeof data12 == "object" && !Array.isArray(data12)) && data12 !== null) {
                                validate22.errors = [{ instancePath: instancePath + "/old", schemaPath: "Values/type", keyword: "type", params: { type: schema40.type }, message: "must be object,null" }];
                                return false;
                              }
                              var valid3 = _errs37 === errors;
                            } else {
                              var valid3 = true;
                            }
                            if (valid3) {
                              if (data.metadata !== void 0) {
                                let data13 = data.metadata;
                                const _errs41 = errors;
                                if (typeof data13 !== "string" && data13 !== null) {
                                  validate22.errors = [{ instancePath: instancePath + "/metadata", schemaPath: "#/properties/metadata/type", keyword: "type", params: { type: schema36.properties.metadata.type }, message: "must be string,null" }];
                                  return false;
                                }
                                var valid3 = _errs41 === errors;
                              } else {
                                var valid3 = true;
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
            validate21.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema35.type }, message: "must be integer,null" }];
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
          if (data.crud !== void 0) {
            let data1 = data.crud;
            const _errs4 = errors;
            if (errors === _errs4) {
              if (Array.isArray(data1)) {
                var valid2 = true;
                const len0 = data1.length;
                for (let i0 = 0; i0 < len0; i0++) {
                  const _errs6 = errors;
                  if (!validate22(data1[i0], { instancePath: instancePath + "/crud/" + i0, parentData: data1, parentDataProperty: i0, rootData, dynamicAnchors })) {
                    vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
                    errors = vErrors.length;
                  }
                  var valid2 = _errs6 === errors;
                  if (!valid2) {
                    break;
                  }
                }
              } else {
                validate21.errors = [{ instancePath: instancePath + "/crud", schemaPath: "#/properties/crud/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                return false;
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
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
validate21.evaluated = { "props": { "transaction_id": true, "crud": true }, "dynamicProps": false, "dynamicItems": false };
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
          if (data.queue_id !== void 0) {
            let data1 = data.queue_id;
            const _errs4 = errors;
            const _errs5 = errors;
            if (typeof data1 !== "string" && data1 !== null) {
              validate24.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/type", keyword: "type", params: { type: schema33.type }, message: "must be string,null" }];
              return false;
            }
            if (errors === _errs5) {
              if (typeof data1 === "string") {
                if (data1.length > 1024) {
                  validate24.errors = [{ instancePath: instancePath + "/queue_id", schemaPath: "QueueId/maxLength", keyword: "maxLength", params: { limit: 1024 }, message: "must NOT have more than 1024 characters" }];
                  return false;
                }
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.transaction_id !== void 0) {
              let data2 = data.transaction_id;
              const _errs7 = errors;
              const _errs8 = errors;
              if (!(typeof data2 == "number" && (!(data2 % 1) && !isNaN(data2)) && isFinite(data2)) && data2 !== null) {
                validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/type", keyword: "type", params: { type: schema35.type }, message: "must be integer,null" }];
                return false;
              }
              if (errors === _errs8) {
                if (typeof data2 == "number" && isFinite(data2)) {
                  if (data2 > 9007199254740991 || isNaN(data2)) {
                    validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                    return false;
                  } else {
                    if (data2 < -9007199254740991 || isNaN(data2)) {
                      validate24.errors = [{ instancePath: instancePath + "/transaction_id", schemaPath: "OptionalInteger/minimum", keyword: "minimum", params: { comparison: ">=", limit: -9007199254740991 }, message: "must be >= -9007199254740991" }];
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
              if (data.batch !== void 0) {
                let data3 = data.batch;
                const _errs10 = errors;
                if (errors === _errs10) {
                  if (Array.isArray(data3)) {
                    var valid4 = true;
                    const len0 = data3.length;
                    for (let i0 = 0; i0 < len0; i0++) {
                      const _errs12 = errors;
                      if (!validate22(data3[i0], { instancePath: instancePath + "/batch/" + i0, parentData: data3, parentDataProperty: i0, rootData, dynamicAnchors })) {
                        vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
                        errors = vErrors.length;
                      }
                      var valid4 = _errs12 === errors;
                      if (!valid4) {
                        break;
                      }
                    }
                  } else {
                    validate24.errors = [{ instancePath: instancePath + "/batch", schemaPath: "#/properties/batch/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                    return false;
                  }
                }
                var valid0 = _errs10 === errors;
              } else {
                var valid0 = true;
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
validate24.evaluated = { "props": { "client_id": true, "queue_id": true, "transaction_id": true, "batch": true }, "dynamicProps": false, "dynamicItems": false };
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
var schema50 = { "type": "object", "required": ["client_id", "checkpoint_request_id"], "properties": { "client_id": { "$ref": "CheckpointClientId" }, "checkpoint_request_id": { "type": ["string", "integer"], "pattern": "^[0-9]{1,19}$", "minimum": 0, "maximum": 9007199254740991 } } };
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
              validate27.errors = [{ instancePath: instancePath + "/checkpoint_request_id", schemaPath: "#/properties/checkpoint_request_id/type", keyword: "type", params: { type: schema50.properties.checkpoint_request_id.type }, message: "must be string,integer" }];
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
